#!/usr/bin/env bash
# Puts the headers of CUTLASS and its CuTe into a folder: 6 MB to fetch, from NVIDIA's package on PyPI, 27 MB there. Only the tests of
# tests/oracle use them; nothing of them is built into the crate. Needs python3 with pip.
#
#   tools/cutlass.sh DIR
#   export CUTLASS_HOME=DIR
#
# DIR is complete or absent: it is made beside its place and renamed. Run again, this does nothing, or replaces what an older
# version of it made.
set -euo pipefail

package='nvidia-cutlass==4.2.0'

fail() {
    echo "cutlass.sh: $1" >&2
    exit 1
}

[ $# -eq 1 ] || fail "expected one argument, the folder to make; got $#"
case $1 in
    -*) fail "expected the folder to make, got \`$1\`" ;;
esac
parent=$(dirname "$1")
mkdir -p "$parent" || fail "cannot create $parent"
dir=$(cd "$parent" && pwd)/$(basename "$1")

record=$dir/.package
ready() { echo "export CUTLASS_HOME=$dir"; }
if [ -f "$record" ] && [ "$(cat "$record")" = "$package" ]; then
    ready
    exit
fi
if [ -e "$dir" ] && [ ! -f "$record" ] && ! rmdir "$dir" 2>/dev/null; then
    fail "$dir exists, and was not made by this script: name another folder"
fi
python3 -m pip --version >/dev/null 2>&1 || fail "python3 with pip is needed (Debian, Ubuntu: apt install python3-pip)"

new=$(mktemp -d "$dir.XXXXXX")
trap 'rm -rf "$new"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --no-deps --no-compile --only-binary :all: --target "$new/wheel" \
    "$package" >&2 || fail "pip could not install $package"

headers=$new/headers
mkdir "$headers"
mv "$new/wheel/cutlass_library/source/include" "$headers/" || fail "the package does not hold the headers where they are expected"
cp "$new"/wheel/*.dist-info/licenses/LICENSE.txt "$headers/"
[ -f "$headers/include/cute/tensor.hpp" ] || fail "the package does not hold cute/tensor.hpp"
printf '%s\n' "$package" >"$headers/.package"

[ ! -e "$dir" ] || mv "$dir" "$new/old"
mv -T "$headers" "$dir"
ready
