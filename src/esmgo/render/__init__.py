"""Predictions and evaluations as text, tables, annotation files, pictures and web pages.

A predictor gives a protein a probability for each GO term. A term is *called* where its
probability reaches a threshold. This package writes calls as lines of text (`text`), tables
(`calls`), CAFA's text format (`cafa`) and annotation files (`associations`). It draws the *GO
subgraph* of a protein, its called terms with all their ancestors (`subgraph`, `boxes`, `layers`,
`picture`, `page`, `dot`, `graph`), and shows an evaluation as a web page with charts
(`evaluation_page`, `charts`).

Names and ids come from files of other people. Each text is first made printable
(`esmgo.errors.printable`: no control characters, limited length) and then escaped for its
place: HTML and SVG by Jinja2 templates (`templates`), Graphviz' language by `dot`.
"""
