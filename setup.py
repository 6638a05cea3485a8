"""Packaging; every tool is configured in pyproject.toml."""

import sys
from pathlib import Path

from setuptools import Extension, find_packages, setup

TESTING = ["hypothesis>=6.100"]  # twisted_net.testing.hypothesis
WEBSOCKET = ["wsproto>=1.2"]
TEST = [
    *TESTING,
    "coverage>=7.6",
    "prometheus_client>=0.20",  # reads what /metrics says
    "pyhamcrest>=2",  # Twisted's own tests want it
    "pytest>=8",
    "pytest-twisted>=1.14",
    "pytest-xdist>=3.6",
    "sybil>=9",
    "websockets>=13",  # a client that others wrote
    *WEBSOCKET,
]
TLS = ["twisted[tls]"]
PRETTY = ["rich>=13", "prompt_toolkit>=3"]
REDIS = ["txredisapi>=1.6", "hiredis>=3"]  # without hiredis, reading costs fifteen times as much
DOCS = ["sphinx>=8", "furo", "myst-parser>=4"]

# What is not there without a compiler is a matter of speed only: `why_not` of the
# modules that import these.
COMPILED = [
    # Not to round differently from Python's own arithmetic, as fused operations do.
    Extension(
        name,
        [name.replace(".", "/") + ".c"],
        extra_compile_args=["-ffp-contract=off"],
        optional=True,
    )
    for name in (
        "twisted_net.net.fast._streams",
        "twisted_net.net.fast._datagrams",
        "twisted_net.files.tftp._lockstep",
    )
]

setup(
    name="twisted_net",
    version="0.1.0",
    description="A network bench you can watch, break and extend: twistd netdemo",
    long_description=Path(__file__).with_name("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="MIT",
    license_files=["LICENSE"],
    python_requires=">=3.11",  # tomllib
    # With this, `pip install -e .` writes a plain .pth file, which twisted.plugin can see;
    # without it, setuptools installs an import finder, which twisted.plugin cannot.
    package_dir={"": "."},
    packages=[*find_packages(include=["twisted_net", "twisted_net.*"]), "twisted.plugins"],
    package_data={
        "twisted_net": [
            "py.typed",
            "files/tftp/*.pyi",
            "net/fast/*.pyi",
            "chat/doors/web/static/*",
            "chat/store/schema/*",
            "files/demo/*",
            "files/demo/*/*",
            "files/http/static/*",
            "web/static/*",
        ]
    },
    ext_modules=COMPILED if sys.implementation.name == "cpython" else [],
    install_requires=["twisted>=24.10", "zope.interface>=6.2", "click>=8.2"],
    extras_require={
        "tls": TLS,
        "pretty": PRETTY,
        "redis": REDIS,
        "websocket": WEBSOCKET,
        "testing": TESTING,
        "test": TEST,
        "docs": DOCS,
        "dev": [
            *TEST,
            *PRETTY,
            *REDIS,
            *DOCS,
            *TLS,
            "build",
            "honcho>=2",
            "import-linter>=2",
            "mypy>=2.4,<2.5",  # mypy-zope trails mypy: the two are pinned together
            "mypy-zope==1.0.17",
            "psutil>=6",
            "ruff>=0.17,<0.18",
            "towncrier>=24",
            "types-psutil",
            "types-setuptools",
        ],
    },
    entry_points={"console_scripts": ["netdemo = twisted_net.__main__:main"]},
    zip_safe=False,  # twisted.plugin looks for files in folders
    classifiers=[
        "Development Status :: 4 - Beta",
        "Environment :: Console",
        "Framework :: Twisted",
        "Intended Audience :: Developers",
        "Intended Audience :: Education",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: System :: Networking",
        "Typing :: Typed",
    ],
)
