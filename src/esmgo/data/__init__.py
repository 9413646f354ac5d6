"""Files in: proteins from FASTA, annotations, CAFA's tables, the address of the ontology.

A reader takes a file apart into records: one protein, or one annotation, each with its line.
A file that is not what it should be, such as FASTQ or a truncated archive, is refused with an
error that names file, line and reason. A record that does not hold a protein, such as one with
a digit among its residues, becomes a reject: it is left out with its place and reason, and the
reading continues with the next record.

Every reader fills a report. It counts accepted records, lists rejects, and collects warnings
about what was accepted with a change, such as a J read as X. Nothing is changed or dropped
without a line in the report. With ``strict`` the first reject ends the reading.

Nothing here knows about tokens, label spaces or models.
"""
