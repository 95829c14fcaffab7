-- The results store, version 3. One SQLite file: one writer (the driver), many readers.
--
-- History
--   1  the first version
--   2  metrics, curves and notes of a run by name; the settings with the run; task, model and the
--      metric that decides with the study; checksums
--   3  tags; an opening of a test part outlives its study
--
-- Words and numbers that one may want to query are columns; whole records (a verdict, a candidate,
-- the lint) are JSON as written by codec.py, under the number in study.format; arrays are blobs as
-- written by codec.py, which begin with their own version, dtype and shape. Never a pickle.
-- Times are ISO 8601, UTC; durations are seconds; a number that does not exist is NULL or absent.

PRAGMA application_id = 1650551653;  -- 0x62616b65, the bytes "bake"
PRAGMA user_version = 3;

-- One candidate trained on one replicate, whichever study asked for it first.
CREATE TABLE run (
    id             INTEGER PRIMARY KEY,
    key            TEXT NOT NULL UNIQUE,  -- content hash of all that determines the run
    replicate      INTEGER NOT NULL,
    state          TEXT NOT NULL
        CHECK (state IN ('planned', 'running', 'finished', 'failed', 'interrupted')),
    reason         TEXT,     -- why it failed or was interrupted
    metrics        TEXT,     -- JSON: {"train_loss": 0.3, "val_accuracy": 0.9, …}, after the last epoch
    curve_lengths  TEXT,     -- JSON: {"train_loss": 10, …}, finished epochs per curve
    curves         BLOB,     -- float64 (sum of the lengths,): the curves one after the other
    notes          TEXT,     -- JSON: what else its trainable told, such as the health of layers
    train_seconds  REAL,
    engine         TEXT,     -- name of the trainable: engine/numeric version/instruction set
    recorded_at    TEXT,     -- when the outcome was written
    settings       TEXT,     -- JSON: every setting by name, defaults included
    checksum       BLOB      -- SHA-256 of the columns above from key on; NULL without an outcome
);

-- The same for people with an SQL prompt.
CREATE VIEW run_scores AS
SELECT key, replicate, state, reason,
       json_extract(metrics, '$.train_loss')             AS train_loss,
       json_extract(metrics, '$.train_accuracy')         AS train_accuracy,
       json_extract(metrics, '$.val_loss')               AS val_loss,
       json_extract(metrics, '$.val_accuracy')           AS val_accuracy,
       json_extract(metrics, '$.val_balanced_accuracy')  AS val_balanced_accuracy,
       json_extract(metrics, '$.test_loss')              AS test_loss,
       json_extract(metrics, '$.test_accuracy')          AS test_accuracy,
       metrics, train_seconds, engine, recorded_at, settings
FROM run;

-- A crashed driver's rows are found at every opening: keep that independent of the store's size.
CREATE INDEX run_running ON run (state) WHERE state = 'running';

CREATE TABLE study (
    id           INTEGER PRIMARY KEY,
    uid          TEXT NOT NULL UNIQUE,  -- the same study in two stores that are merged
    name         TEXT NOT NULL,
    kind         TEXT NOT NULL,         -- study or replication
    state        TEXT NOT NULL CHECK (state IN ('unfinished', 'finished')),
    seed         INTEGER NOT NULL,
    engine       TEXT NOT NULL,         -- name of the trainable
    task         TEXT NOT NULL,         -- classification, regression or declared
    model_kind   TEXT NOT NULL,         -- dense, sklearn, keras, function or command
    metric       TEXT NOT NULL,         -- what decides, never "auto"
    spec         TEXT NOT NULL,         -- JSON: the study file
    spec_hash    TEXT NOT NULL,         -- SHA-256 of spec with sorted keys
    data         TEXT NOT NULL,         -- JSON: the summary of the dataset
    data_hash    TEXT NOT NULL,
    environment  TEXT NOT NULL,         -- JSON: versions, processor, instruction set, git commit
    started_at   TEXT NOT NULL,
    finished_at  TEXT,
    seconds      REAL,
    format       INTEGER NOT NULL,      -- version of every JSON record of this study
    result       TEXT,                  -- JSON: audit, lint, claims, final …; NULL while unfinished
    parts        BLOB,                  -- SHA-256 of its rows in the tables below
    checksum     BLOB                   -- SHA-256 of the columns above from uid on
);

CREATE INDEX study_name ON study (name);

-- An answered question of a study.
CREATE TABLE stage (
    study_id        INTEGER NOT NULL REFERENCES study (id) ON DELETE CASCADE,
    position        INTEGER NOT NULL,   -- 0-based
    name            TEXT NOT NULL,
    question        TEXT NOT NULL,
    verdict         TEXT NOT NULL,      -- winner, tie or undecided
    chosen          TEXT NOT NULL,      -- label of the candidate that is carried on
    reason          TEXT NOT NULL,
    num_replicates  INTEGER NOT NULL,
    seconds         REAL NOT NULL,
    json            TEXT NOT NULL,      -- the whole record; runs by their key
    PRIMARY KEY (study_id, position)
) WITHOUT ROWID;

-- Which runs a study planned, and for what. A run may serve many studies.
CREATE TABLE study_run (
    study_id  INTEGER NOT NULL REFERENCES study (id) ON DELETE CASCADE,
    stage     TEXT NOT NULL,
    label     TEXT NOT NULL,            -- of the candidate within the stage
    run_id    INTEGER NOT NULL REFERENCES run (id),
    PRIMARY KEY (study_id, stage, label, run_id)
) WITHOUT ROWID;

-- Arrays of a finished study: the model, the confusion matrix, the features of the worst mistakes.
CREATE TABLE study_array (
    study_id  INTEGER NOT NULL REFERENCES study (id) ON DELETE CASCADE,
    name      TEXT NOT NULL,            -- path within the record, such as final/model/layers/0/kernel
    data      BLOB NOT NULL,
    PRIMARY KEY (study_id, name)
);

-- What people call studies, to find them again.
CREATE TABLE tag (
    study_id  INTEGER NOT NULL REFERENCES study (id) ON DELETE CASCADE,
    tag       TEXT NOT NULL,
    PRIMARY KEY (study_id, tag)
) WITHOUT ROWID;

-- Every reading of test labels. Written, and on the disk, before the labels are read. It stays when
-- its study is deleted: what was seen cannot be made unseen.
CREATE TABLE opening (
    id         INTEGER PRIMARY KEY,
    study_id   INTEGER REFERENCES study (id) ON DELETE SET NULL,
    test_hash  TEXT NOT NULL,
    study      TEXT NOT NULL,           -- name of the study
    purpose    TEXT NOT NULL,           -- final or replication
    opened_at  TEXT NOT NULL,
    ordinal    INTEGER NOT NULL,        -- openings of the same test data known then, this one included
    UNIQUE (study_id, purpose)          -- a resumed study opens once
);

CREATE INDEX opening_test_hash ON opening (test_hash);
