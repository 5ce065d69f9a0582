# Sourced by the scripts that make a folder from PyPI's packages. Their argument names it; it is complete or absent: made beside its place and
# renamed. The first parameter is what the folder is for, as a variable; the others are the packages.
#
# begin_folder VARIABLE PACKAGE...   exits where the folder is there already; sets `new`, a place to work in that is removed at the end
# fetch FOLDER OPTION...             installs the packages into a folder of `new`
# end_folder MADE                    puts what was made in its place

fail() {
    echo "$(basename "$0"): $1" >&2
    exit 1
}

begin_folder() {
    variable=$1 packages=("${@:2}")
    [ ${#arguments[@]} -eq 1 ] || fail "expected one argument, the folder to make; got ${#arguments[@]}"
    case ${arguments[0]} in
        -*) fail "expected the folder to make, got \`${arguments[0]}\`" ;;
    esac
    parent=$(dirname "${arguments[0]}")
    mkdir -p "$parent" || fail "cannot create $parent"
    dir=$(cd "$parent" && pwd)/$(basename "${arguments[0]}")

    # The folder's record of what it was made from.
    record=.packages wanted=$(printf '%s\n' "${packages[@]}")
    if [ -f "$dir/$record" ] && [ "$(cat "$dir/$record")" = "$wanted" ]; then
        echo "export $variable=$dir"
        exit
    fi
    if [ -e "$dir" ] && [ ! -f "$dir/$record" ] && ! rmdir "$dir" 2>/dev/null; then
        fail "$dir exists, and was not made by this script: name another folder"
    fi
    python3 -m pip --version >/dev/null 2>&1 || fail "python3 with pip is needed (Debian, Ubuntu: apt install python3-pip)"
    new=$(mktemp -d "$dir.XXXXXX")
    trap 'rm -rf "$new"' EXIT
}

fetch() {
    python3 -m pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: --target "$new/$1" "${@:2}" \
        "${packages[@]}" >&2 || fail "pip could not install ${packages[*]}"
}

end_folder() {
    printf '%s\n' "$wanted" >"$1/$record"
    [ ! -e "$dir" ] || mv "$dir" "$new/old"
    mv -T "$1" "$dir"
    echo "export $variable=$dir"
}
