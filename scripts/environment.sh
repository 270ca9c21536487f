# What run, test and check share: a Python to use, a virtual environment that is up to date, and plain words
# when something is missing. Sourced, with the working directory set to the project's root.

fail() {
    printf '%s: %s\n' "$(basename "$0")" "$1" >&2
    exit 1
}

# Prints the first Python of at least 3.11.
find_python() {
    local name
    for name in "${PYTHON:-}" python3.11 python3.12 python3.13 python3.14 python3; do
        if [ -n "$name" ] && "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            printf '%s\n' "$name"
            return
        fi
    done
    fail "needs Python 3.11 or newer (Debian and Ubuntu: apt-get install python3 python3-venv; or PYTHON=/path/to/python)"
}

# One line that changes when one of the files does.
hash_of() {
    cat "$@" | cksum
}

# Makes .venv unless there is one that runs.
make_venv() {
    if .venv/bin/python -c 'import pip' 2>/dev/null; then
        return
    fi
    local python
    python=$(find_python) || exit 1
    "$python" -c 'import ensurepip, venv' 2>/dev/null ||
        fail "needs the venv module of $python (Debian and Ubuntu: apt-get install python3-venv)"
    echo "Making a virtual environment in .venv with $("$python" --version)"
    "$python" -m venv --clear .venv || fail "could not make .venv"
}

# install_requirements FILE…: installs what the files name, unless they are what was installed last.
install_requirements() {
    local stamp=".venv/.installed-$1" wanted
    make_venv
    wanted=$(hash_of "$@")
    if [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
        return
    fi
    echo "Installing $1"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --requirement "$1" ||
        fail "could not install $1 (pip's message is above)"
    printf '%s\n' "$wanted" >"$stamp"
}
