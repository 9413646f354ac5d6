"""Bytes in and out. Nothing here knows what they mean.

Input is read completely or refused. It is a path, standard input or an open file, plain or
gzip; `esmgo.files.source` yields its bytes and `esmgo.files.lines` its lines.
`esmgo.files.hub` fetches files of the Hugging Face hub.

Output is complete or absent. It is written under a temporary name beside its target, synced to
disk and renamed, so a kill, a full disk or a power cut leaves the old file or the new one
(`esmgo.files.atomic`, and `esmgo.files.folder` for folders). `esmgo.files.output` checks before
any work that a target is free, locks out other writers, and removes the temporary files of
killed ones.

A long run resumes from finished work on disk, in one of two forms. *Parts* are small complete
files, one for each finished block of proteins (`esmgo.proteome.parts`). A *journal* describes a
large file that only grows: it records the length and the checksum of each append, and opening
cuts both files to the longest valid beginning (`esmgo.files.journal`). Either form names its
owner, a digest of all that decides the result; work of a different owner is never reused.
"""
