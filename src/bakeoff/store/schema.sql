-- The results store, version 1. One SQLite file: one writer (the driver), many readers.
--
-- History
--   1  the first version
--
-- Words and numbers that one may want to query are columns; whole records (a verdict, a candidate,
-- the lint, the scores of a run) are JSON as written by encode.py, under the number in study.format; arrays are blobs
-- as written by arrays.py, which begin with their own version, dtype and shape. Never a pickle.
-- Times are ISO 8601, UTC; durations are seconds; a number that does not exist is NULL.

PRAGMA application_id = 1650551653;  -- 0x62616b65, the bytes "bake"
PRAGMA user_version = 1;

-- One full setting of the hyperparameters. Many runs share one, so it is held once.
CREATE TABLE settings (
    id     INTEGER PRIMARY KEY,
    hash   TEXT NOT NULL UNIQUE,   -- SHA-256 of json
    json   TEXT NOT NULL           -- every hyperparameter by name, defaults included
);

-- One candidate trained on one replicate, whichever study asked for it first.
CREATE TABLE run (
    id                  INTEGER PRIMARY KEY,
    key                 TEXT NOT NULL UNIQUE,  -- content hash of all that determines the run
    settings_id         INTEGER REFERENCES settings (id),
    replicate           INTEGER NOT NULL,
    state               TEXT NOT NULL
        CHECK (state IN ('planned', 'running', 'finished', 'failed', 'interrupted')),
    reason              TEXT,                  -- why it failed or was interrupted
    measures            TEXT,    -- JSON: train and val (loss, accuracy, …), health per hidden layer
    test                TEXT,    -- JSON: scores on the test part, where a replication measured it
    history             BLOB,    -- float64 (4, epochs): train loss, train accuracy, val loss, val accuracy
    val_predictions     BLOB,    -- uint8 or uint16 (num_validation,); only where kept
    train_seconds       REAL,
    engine              TEXT,    -- engine/numeric version/instruction set
    recorded_at         TEXT     -- when the outcome was written
);

-- The same for people with an SQL prompt.
CREATE VIEW run_scores AS
SELECT key, replicate, state, reason,
       json_extract(measures, '$.train.loss')      AS train_loss,
       json_extract(measures, '$.train.accuracy')  AS train_accuracy,
       json_extract(measures, '$.val.loss')        AS val_loss,
       json_extract(measures, '$.val.accuracy')    AS val_accuracy,
       json_extract(test, '$.loss')                AS test_loss,
       json_extract(test, '$.accuracy')            AS test_accuracy,
       train_seconds, engine, recorded_at, settings.json AS settings
FROM run LEFT JOIN settings ON settings.id = run.settings_id;

-- A crashed driver's rows are found at every opening: keep that independent of the store's size.
CREATE INDEX run_running ON run (state) WHERE state = 'running';

CREATE TABLE study (
    id           INTEGER PRIMARY KEY,
    uid          TEXT NOT NULL UNIQUE,  -- the same study in two stores that are merged
    name         TEXT NOT NULL,
    kind         TEXT NOT NULL,         -- study or replication
    state        TEXT NOT NULL CHECK (state IN ('unfinished', 'finished')),
    seed         INTEGER NOT NULL,
    engine       TEXT NOT NULL,
    spec         TEXT NOT NULL,         -- JSON: the study file
    spec_hash    TEXT NOT NULL,         -- SHA-256 of spec with sorted keys
    data         TEXT NOT NULL,         -- JSON: the summary of the dataset
    data_hash    TEXT NOT NULL,
    environment  TEXT NOT NULL,         -- JSON: versions, processor, instruction set, git commit
    started_at   TEXT NOT NULL,
    finished_at  TEXT,
    seconds      REAL,
    format       INTEGER NOT NULL,      -- version of every JSON record of this study
    result       TEXT                   -- JSON: audit, lint, claims, final …; NULL while unfinished
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

-- Arrays of a finished study: weights, confusion matrix, the features of the worst mistakes.
CREATE TABLE study_array (
    study_id  INTEGER NOT NULL REFERENCES study (id) ON DELETE CASCADE,
    name      TEXT NOT NULL,            -- path within the record, such as final/layers/0/kernel
    data      BLOB NOT NULL,
    PRIMARY KEY (study_id, name)
);

-- Every reading of test labels. Written, and on the disk, before the labels are read.
CREATE TABLE opening (
    id         INTEGER PRIMARY KEY,
    study_id   INTEGER NOT NULL REFERENCES study (id) ON DELETE CASCADE,
    test_hash  TEXT NOT NULL,
    study      TEXT NOT NULL,           -- name of the study
    purpose    TEXT NOT NULL,           -- final or replication
    opened_at  TEXT NOT NULL,
    ordinal    INTEGER NOT NULL,        -- openings of the same test data known then, this one included
    UNIQUE (study_id, purpose)          -- a resumed study opens once
);

CREATE INDEX opening_test_hash ON opening (test_hash);
