"""dataset/sample_motifs.py"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Domain:
    """Motifs in order from N to C, how many times over, and what they do.

    ``share`` is how often the domain is drawn, against the others; ``at`` the addresses
    that fit it, each as often as it is listed.
    """

    share: int
    motifs: tuple[str, ...]
    terms: tuple[str, ...]
    at: tuple[str, ...]
    copies: tuple[int, int] = (1, 1)
    linked: bool = False


@dataclass(frozen=True, slots=True)
class Address:
    """The targeting signals that bring a protein to one cellular component."""

    motifs: tuple[str, ...]
    terms: tuple[str, ...]
    copies: tuple[int, int] = (1, 1)


_ATP, _ATPASE = "GO:0005524", "GO:0016887"


_TRANSCRIPTION = ("GO:0000981", "GO:0000978", "GO:0006357")


_GLYCINE_LOOP = (
    "[LIV]-G-[EKRST]-G-[STAG]-[FY]-[GS]-x-V-x(3)-x(4,8)-[VI]-A-[IVM]-K-x-[LIV]"  # PS00107
)


_SIGNAL = "<M-[KRNSTQ](2,5)-[LLLLLAAVVFI](9,13)-[LAGSC]-x-A-[QSTDE]-A-[QEDSTAK]"


_HELIX = "[RK]-[LLLIIVVFAAGMWT](19,22)-[RKNQS]-[KR]"


# fmt: off
DOMAINS = {
    "zinc finger": Domain(  # PS00028, in arrays with the TGEKP linker
        4,
        ("[YF]-[KRSTVE]-C-x(2)-C-[GNSED]-[KR]-[STA]-F-x(5)-L-x(2)-H-x(3)-H-T-G-E-K-P",),
        ("GO:0008270", *_TRANSCRIPTION),
        ("nucleus",),
        copies=(2, 5),
        linked=True,
    ),
    "P-loop ATPase": Domain(  # Walker A, PS00017, and Walker B
        4,
        ("[LIV](2)-[GA]-[PEDS]-[PST]-G-[STVAC]-G-K-[ST]-[TSL]-[LAV]", "[LIVF](4)-D-E-[ASP]"),
        (_ATP, _ATPASE),
        ("cytosol", "cytosol", "mitochondrion", "plasma membrane", "peroxisome"),
    ),
    "DEAD box": Domain(  # motifs I, Ia, II (PS00039), III and VI
        3,
        (
            "A-[QE]-T-G-[ST]-G-K-T-[LA]-[AS]-[FY]",
            "P-T-R-E-L-[AC]",
            "[LIVM](2)-D-E-A-D-[RKEN]-[ML]-[LIVMFY]-[DGN]",
            "[FM]-S-A-T-[MWF]",
            "H-R-[IVS]-G-R-[TA]-[GA]-R",
        ),
        ("GO:0003724", "GO:0003723", _ATP, _ATPASE),
        ("cytosol", "nucleus"),
    ),
    "EF hand": Domain(  # PS00018
        4,
        ("F-x(2)-[FILM]-D-[KRTAE]-[DNS]-[GNK]-[DNST]-G-[YTFKE]-[ILV]-[DST]-x(2)-E-[LFM]",),
        ("GO:0005509",),
        ("cytosol", "cytosol", "endoplasmic reticulum", "extracellular"),
        copies=(2, 4),
    ),
    "protein kinase": Domain(  # PS00107, PS00108
        4,
        (_GLYCINE_LOOP, "[IVLC]-[IVLFYA]-[HY]-R-D-[LIVM]-K-[PAL]-x-N-[LIV]-[LV]-[LIV]",
         "D-F-G-[LFS]-[AS]", "G-[TS]-x(2)-[YWF]-[MLV]-[AS]-P-E"),
        ("GO:0004674", "GO:0006468", _ATP),
        ("cytosol", "cytosol", "nucleus"),
    ),
    "tyrosine kinase": Domain(  # PS00107, PS00109
        2,
        (_GLYCINE_LOOP, "[FYLIV]-[IV]-H-R-D-L-[RA]-[AR]-[RA]-N-[CIV]-[LM]-[LVI]",
         "D-F-G-[LFS]-[AS]", "[FVL]-P-[IVL]-[KR]-W-[MT]-[AS]-[PI]-E"),
        ("GO:0004713", "GO:0006468", _ATP),
        ("plasma membrane", "cytosol"),
    ),
    "homeobox": Domain(  # PS00027
        2,
        ("R-x(3)-[FYS]-[TS]-x(2)-Q-[LVI]-x(2)-[LM]-E-x(2)-F",
         "[LIV]-[ASL]-x(2)-[LIVT]-x-[LIV]-[TSNK]-x(2)-[QR]-[VI]-[KQ]-[IVT]-W-F-[QK]-N-[RKH]-R-x(2)-[WL]-[KR]"),
        _TRANSCRIPTION,
        ("nucleus",),
    ),
    "trypsin": Domain(  # PS00134, PS00135
        2,
        ("I-[VI]-[GN]-G", "[LIVM]-[ST]-A-[AG]-H-C", "D-[SA]-C-[QKEN]-G-D-S-G-G-[PAS]-[LVF]-[VALM]"),
        ("GO:0004252", "GO:0006508"),
        ("extracellular",),
    ),
    "zinc metalloprotease": Domain(  # PS00142
        2,
        ("[VIALGTS]-[AVLIT]-[AFVTLG]-H-E-[LIVFW]-[GATS]-H-[ANTSVL]-[LIVMFWG]-[GN]",),
        ("GO:0004222", "GO:0008270", "GO:0006508"),
        ("extracellular", "plasma membrane", "mitochondrion"),
    ),
    "aspartic protease": Domain(  # PS00141
        2,
        ("[LIVF]-[LIVMTA]-[LIVFA]-D-[ST]-G-[STA]-[STAPDEN]-[DNSTA]-[LIVFTN]-[WFHNST]-[LIV]",),
        ("GO:0004190", "GO:0006508"),
        ("extracellular",),
        copies=(2, 2),
    ),
    "thioredoxin": Domain(  # PS00194
        2,
        ("[LIVMF]-[LIVA]-[DEK]-[FY]-[FYTWH]-A-[PED]-W-C-[GP]-[PHY]-C-[KRQ]-x-[LMF]-x-P-x-[LFW]",),
        ("GO:0015035", "GO:0045454"),
        ("cytosol", "mitochondrion", "endoplasmic reticulum"),
    ),
    "rhodopsin-like receptor": Domain(  # PS00237, among the helices of its address
        2,
        ("[AST]-[LIVMF]-[SA]-[LIVMFAG]-D-R-[YFW]-[LIVFWA]-[AGSC]-[IVL]",),
        ("GO:0004930", "GO:0007186"),
        ("receptor",),
    ),
    "RING finger": Domain(  # PS00518, whole
        2,
        ("C-x-[IVLA]-C-x(10,14)-C-x-H-x-[FILMY]-C-x(2)-C-[ILVMAYK]-x(10,12)-C-P-x-C",),
        ("GO:0061630", "GO:0016567", "GO:0008270"),
        ("cytosol", "nucleus"),
    ),
    "small GTPase": Domain(  # G1 to G5
        3,
        ("[KRY]-[LIVM]-[VIL]-[VLI]-[VLIG]-G-[DAE]-[SGA]-[GAYES]-V-G-K-[ST]-[SACN]-[LIM]",
         "[YFE]-x-P-T-[IVF]", "[LIVF]-[WFLV]-D-T-A-G-[QL]-[EDR]", "[LIVG]-[VGI]-N-K-[CSAT]-D-L",
         "[FYML]-[IVFM]-E-[TC]-S-A-[KL]"),
        ("GO:0003924", "GO:0005525"),
        ("cytosol", "plasma membrane"),
    ),
    "cytochrome c": Domain(  # PS00190
        2,
        ("[FLIY]-x(2)-[KRN]-C-[ASKQ]-[QSAT]-C-H-[TSVAG]-[VCIL]", "[LIMF]-[IVTA]-[AGP]-[YF]-[LI]"),
        ("GO:0020037", "GO:0009055"),
        ("mitochondrion",),
    ),
    "ferredoxin": Domain(  # PS00198
        2,
        ("C-[ITVGNSD]-x-C-[GMKLRQ]-x-C-[VAIEMSTK]-[AEVKRDT]-[VANSDTEI]-C-P-[VTFAEK]",),
        ("GO:0051539", "GO:0009055"),
        ("cytosol", "mitochondrion"),
        copies=(1, 2),
    ),
    "RNA recognition motif": Domain(  # RNP-2; RNP-1, PS00030
        2,
        ("[LIVK]-[FYW]-[VI]-[GK]-[NGR]-[LI]", "[RK]-G-[FYSQ]-[GA]-[FY]-[VI]-[EKTR]-[FYM]"),
        ("GO:0003723",),
        ("nucleus", "cytosol"),
    ),
    "nothing known": Domain(  # no motif at all
        3, (), (), ("cytosol", "extracellular", "nucleus", "plasma membrane", "peroxisome"),
    ),
}


ADDRESSES = {
    "cytosol": Address((), ("GO:0005829",)),
    "nucleus": Address(  # monopartite and bipartite (Dingwall and Laskey)
        ("P-[KR]-K-K-R-K-[VAL]|[KR]-[KR]-x(10)-[KR]-K-K-[KR]-[KR]",), ("GO:0005634",), (1, 2)
    ),
    "extracellular": Address((_SIGNAL,), ("GO:0005576",)),
    "endoplasmic reticulum": Address((_SIGNAL, "[KH]-D-E-L>"), ("GO:0005788",)),  # PS00014
    "plasma membrane": Address((_HELIX,), ("GO:0005886",), (1, 4)),
    "receptor": Address((_HELIX,), ("GO:0005886",), (7, 7)),
    "mitochondrion": Address(  # amphipathic, R and no acids; cleaved after R-x-[FY]
        ("<M-[LA](1,2)-[LASRRT](8,12)-[RRLASTQ](6,8)-R-x-[FY]-[ASTS]",), ("GO:0005759",)
    ),
    "peroxisome": Address(("[SA]-K-L>",), ("GO:0005782",)),  # PS00342
}
