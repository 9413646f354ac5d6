"""Reading and writing of bytes. The package does not interpret them.

An input is a path, standard input or an open file, plain or gzip. It is read completely or
refused: `esmgo.files.source` yields its bytes and `esmgo.files.lines` its lines.
`esmgo.files.hub` fetches files of the Hugging Face hub.

An output is complete or absent. It is written under a temporary name in the target's folder,
synced to disk and renamed. After a kill, a full disk or a power cut the target is the old file or
the new one (`esmgo.files.atomic`, and `esmgo.files.folder` for folders). `esmgo.files.output`
checks before any computation that a target can be written, locks it against other processes, and
removes temporary files of killed processes.

A long run resumes from finished work on disk, in one of two forms. *Parts* are small complete
files, one for each finished block of proteins (`esmgo.proteome.parts`). A *journal* describes a
large file to which data are only appended. It records the length and the checksum of each append,
and opening truncates both files after the last valid one (`esmgo.files.journal`). Both forms store
an owner: a digest of everything that determines the result. Work of a different owner is never
reused.
"""
