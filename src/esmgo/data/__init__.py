"""Input files: proteins from FASTA, annotations, CAFA tables, and the ontology by its address.

A reader splits a file into records: one protein or one annotation, each with its line. It refuses
a file of the wrong format, such as FASTQ or a truncated archive; the error names file, line and
reason. A record that is not a protein, such as one with a digit among its residues, is rejected:
the reader leaves it out, notes its place and the reason, and continues with the next record.

A report counts accepted records, lists rejects, and collects warnings about records that were
accepted with a change, such as a J read as X. No reader changes or drops a record without a line
in the report. With ``strict`` the first reject is an error.
"""
