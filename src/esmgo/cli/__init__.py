"""The command line: ``esmgo VERB --flag=value`` and the scripts for the verbs train and rank.

`esmgo.cli.verbs` lists the verbs. Each has a frozen dataclass, whose fields are the flags, and a
function. `esmgo.cli.flags` parses the arguments into the dataclass, `esmgo.cli.running` calls the
function and prints its result, and `esmgo.cli.program` turns errors into one line and an exit code.

Messages of the lower floors name settings in backticks, such as `device=cpu`. They are printed as
flags, ``--device=cpu``. The exit code is 0 after success, 4 if some records were rejected, and
otherwise that of the error (see `esmgo.errors`) or of the failed self-test, 6.
"""
