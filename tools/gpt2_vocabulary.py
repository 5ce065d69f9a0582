#!/usr/bin/env python3
"""Derives data/gpt2-merges.txt.gz from the tiktoken form of GPT-2's vocabulary.

    tools/gpt2_vocabulary.py r50k_base.tiktoken data/gpt2-merges.txt.gz

`r50k_base.tiktoken` (in the crate `tiktoken-rs`, folder `assets`) lists each token's bytes and rank. A token's rank is
also its id, and the merge that makes a token joins the two parts that are left of it when only the merges of lower rank
are applied. The output has the form of Hugging Face's `merges.txt`: a merge a line, in order of rank, each byte written as
the printable character that GPT-2's byte-level alphabet gives it. It is compressed without a time stamp, so the same
input gives the same bytes.
"""

import base64
import gzip
import sys


def alphabet():
    """GPT-2's printable character for each byte, in the order of the first 256 token ids."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    characters = {byte: chr(byte) for byte in printable}
    for byte in range(256):
        if byte not in characters:
            characters[byte] = chr(256 + len(characters) - len(printable))
    return characters


def parts_below(ranks, token, limit):
    """The parts of `token` after every merge of a rank below `limit`."""
    parts = [bytes([byte]) for byte in token]
    while True:
        candidates = [(ranks.get(a + b, limit), i) for i, (a, b) in enumerate(zip(parts, parts[1:]))]
        rank, i = min(candidates, default=(limit, 0))
        if rank >= limit:
            return parts
        parts[i : i + 2] = [parts[i] + parts[i + 1]]


def main(source, target):
    with open(source, "rb") as file:
        ranks = {base64.b64decode(token): int(rank) for token, rank in map(bytes.split, file)}
    assert sorted(ranks.values()) == list(range(50_256)), "expected the 50256 tokens of GPT-2"
    characters = alphabet()
    tokens = sorted(ranks, key=ranks.get)
    assert [token[0] for token in tokens[:256]] == list(characters), "expected the bytes in the alphabet's order"

    lines = ["#version: 0.2"]
    for token in tokens[256:]:
        parts = parts_below(ranks, token, ranks[token])
        assert len(parts) == 2, f"{token!r} is not made by one merge"
        lines.append(" ".join("".join(characters[byte] for byte in part) for part in parts))
    with open(target, "wb") as file, gzip.GzipFile(filename="", fileobj=file, mode="wb", mtime=0) as packed:
        packed.write("\n".join(lines).encode() + b"\n")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
