"""The datasets known by name: files, checksums, addresses, licences; reads and fetches nothing."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Literal

from bakeoff.errors import DataError

Part = Literal["train_images", "train_labels", "test_images", "test_labels"]

_STEMS: dict[Part, str] = {
    "train_images": "train-images-idx3-ubyte",
    "train_labels": "train-labels-idx1-ubyte",
    "test_images": "t10k-images-idx3-ubyte",
    "test_labels": "t10k-labels-idx1-ubyte",
}


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """One IDX file of a named dataset.

    Attributes:
        part: what it holds.
        stem: its name without ``.gz``.
        shape: that its header must announce.
        sha256: of the unpacked bytes, or None where that sum is not known for certain.
        archive_sha256: of the ``.gz`` file as its first address serves it, or None; used where
            ``sha256`` is not known.
    """

    part: Part
    stem: str
    shape: tuple[int, ...]
    sha256: str | None
    archive_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class NamedDataset:
    """A dataset known by name.

    Attributes:
        name: as in a study file.
        description: one line.
        licence: short name.
        class_names: in the order of the labels.
        image_shape: (height, width).
        num_train, num_test: examples.
        files: the four IDX files; empty for what is embedded.
        addresses: folders on the web, ending in a slash, tried in this order.
        system_folder: where a Debian package puts the files, or None.
        debian_package: its name, or None.
        download_bytes: about how much is fetched.
        drawings: whether its images are single drawn characters, cut out and centred.
    """

    name: str
    description: str
    licence: str
    class_names: tuple[str, ...]
    image_shape: tuple[int, int]
    num_train: int
    num_test: int
    files: tuple[RemoteFile, ...] = ()
    addresses: tuple[str, ...] = ()
    system_folder: str | None = None
    debian_package: str | None = None
    download_bytes: int = 0
    drawings: bool = False


def _idx_files(
    sums: dict[Part, str] | None, archive_sums: dict[Part, str] | None = None
) -> tuple[RemoteFile, ...]:
    files = []
    for part, stem in _STEMS.items():
        num = 60_000 if part.startswith("train") else 10_000
        shape = (num, 28, 28) if part.endswith("images") else (num,)
        files.append(
            RemoteFile(
                part,
                stem,
                shape,
                sums[part] if sums else None,
                archive_sums[part] if archive_sums else None,
            )
        )
    return tuple(files)


_DIGITS = tuple("0123456789")

_ENTRIES = (
    NamedDataset(
        name="digits",
        description="1,797 real handwritten digits of 8×8 pixels, shipped with scikit-learn",
        licence="CC BY 4.0 (UCI, E. Alpaydin and C. Kaynak)",
        class_names=_DIGITS,
        image_shape=(8, 8),
        num_train=1_497,
        num_test=300,
        drawings=True,
    ),
    NamedDataset(
        name="mnist",
        description="70,000 handwritten digits of 28×28 pixels (LeCun, Cortes, Burges)",
        licence="CC BY-SA 3.0",
        class_names=_DIGITS,
        image_shape=(28, 28),
        num_train=60_000,
        num_test=10_000,
        files=_idx_files(
            {
                "train_images": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
                "train_labels": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
                "test_images": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
                "test_labels": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
            }
        ),
        addresses=(
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
        ),
        download_bytes=11_600_000,
        drawings=True,
    ),
    NamedDataset(
        name="fashion-mnist",
        description="70,000 pictures of clothes of 28×28 pixels (Xiao, Rasul, Vollgraf; Zalando)",
        licence="MIT",
        class_names=(
            "T-shirt/top",
            "Trouser",
            "Pullover",
            "Dress",
            "Coat",
            "Sandal",
            "Shirt",
            "Sneaker",
            "Bag",
            "Ankle boot",
        ),
        image_shape=(28, 28),
        num_train=60_000,
        num_test=10_000,
        # Computed from Debian's package dataset-fashion-mnist 0.0~git20200523.55506a9-1.
        files=_idx_files(
            {
                "train_images": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
                "train_labels": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
                "test_images": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
                "test_labels": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
            }
        ),
        addresses=(
            # S3's website addresses speak no TLS; the checksums make up for it.
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
        ),
        system_folder="/usr/share/datasets/fashion-mnist",
        debian_package="dataset-fashion-mnist",
        download_bytes=30_900_000,
    ),
    NamedDataset(
        name="kmnist",
        description="70,000 cursive Japanese characters of 28×28 pixels (Clanuwat et al., CODH)",
        licence="CC BY-SA 4.0",
        class_names=("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
        image_shape=(28, 28),
        num_train=60_000,
        num_test=10_000,
        # The sums of the archives, as the download code of several libraries pins them; sums of
        # the unpacked bytes are published nowhere.
        files=_idx_files(
            None,
            {
                "train_images": "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
                "train_labels": "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17",
                "test_images": "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
                "test_labels": "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c",
            },
        ),
        addresses=(
            "https://codh.rois.ac.jp/kmnist/dataset/kmnist/",
            "https://web.archive.org/web/2022id_/http://codh.rois.ac.jp/kmnist/dataset/kmnist/",
        ),
        download_bytes=21_300_000,
        drawings=True,
    ),
)

CATALOGUE: dict[str, NamedDataset] = {entry.name: entry for entry in _ENTRIES}


def look_up(name: str) -> NamedDataset:
    """The entry of that name.

    Raises:
        DataError: there is none; names the nearest right one.
    """
    if name in CATALOGUE:
        return CATALOGUE[name]
    known = ", ".join(CATALOGUE)
    near = difflib.get_close_matches(name.lower().replace("_", "-"), CATALOGUE, n=1, cutoff=0.5)
    guess = f" Did you mean {near[0]!r}?" if near else ""
    raise DataError(
        f"data: there is no dataset {name!r}.{guess} Known by name: {known}; your own data is given "
        "by its path"
    )
