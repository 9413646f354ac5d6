"""GO evidence codes: which annotations to take, and the code of an ECO id.

References
----------
https://geneontology.org/docs/guide-go-evidence-codes/ for the codes, and gaf-eco-mapping.txt and
gaf-eco-mapping-derived.txt of the Evidence and Conclusion Ontology for the ECO ids.
"""

from __future__ import annotations

import re
from typing import Any

from esmgo.errors import UsageError, printable
from esmgo.options import option

EXPERIMENTAL = (
    "EXP", "IDA", "IPI", "IMP", "IGI", "IEP", "TAS", "IC", "HTP", "HDA", "HMP", "HGI", "HEP",
)  # fmt: skip
"""The codes that CAFA takes as experimental."""

OTHERS = (
    "IBA", "IBD", "IKR", "IRD", "ISS", "ISO", "ISA", "ISM", "IGC", "RCA", "NAS", "IEA", "IMR", "NR",
)  # fmt: skip
"""The other codes of an annotation. IMR and NR are in old files alone."""

NO_DATA = "ND"
"""The code of a protein about which nothing is known. It is never an annotation."""

CODES = frozenset({*EXPERIMENTAL, *OTHERS, NO_DATA})

_ECO = {
    "EXP": """269 278 288 1043 1146 1147 1149 1160 1169 1171 1177 1184 1186 1189 1228 1230 1236
        1237 1238 1240 1250 1251 1252 1253 1255 1257 1258 1259 1260 1265 1270 1272 1273 1567 1582
        1588 1594 1600 1808 1832 1835 5523 5527 5581 5586 5613 5629 5642 5645 5660 5661 5666 5670
        5674 5676 5802 5804 6033 6054 6165 6168 6196 6198 6200 6202 6204 6206 6210 6212 6214 6220
        6222 6228 6236 6245 6275 6283 6285 6287 6289 6299 6311 6313 6315 6317 7062 7064 7066 7068
        7076 7078 7080 7082 7093 7095 7101 7110 7116 7120 7121 7125 7126 7127 7128 7130 7131 7133
        7134 7135 7136 7137 7138 7141 7150 7156 7164 7184 7191 7634 7680 7728 7730 7731 7732 7733
        7734 7735 7736 7737 7738 7739 7740 7741 7742""",
    "IDA": """314 274 1138 1139 1140 1141 1142 1143 1144 1145 1148 1153 1154 1155 1156 1157 1158
        1159 1162 1163 1165 1166 1172 1173 1174 1176 1185 1187 1190 1191 1192 1193 1194 1195 1196
        1197 1198 1199 1200 1201 1202 1203 1204 1205 1206 1207 1208 1209 1210 1211 1212 1213 1214
        1215 1216 1217 1218 1219 1220 1221 1222 1231 1232 1233 1234 1235 1239 1241 1243 1246 1248
        1249 1254 1256 1261 1263 1264 1267 1268 1271 1576 1579 5501 5579 5580 5589 5590 5592 5595
        5597 5601 5614 5632 5638 5801 6003 6004 6005 6006 6013 6015 6021 6023 6025 6027 6029 6031
        6035 6037 6039 6041 6042 6044 6046 6048 6061 6062 6064 6067 6071 6073 6208 6224 6226 6230
        6232 6234 6281 6291 6301 6305 6307 6319 6323 6325 7016 7018 7036 7038 7040 7042 7044 7046
        7048 7050 7052 7054 7056 7058 7060 7070 7072 7084 7086 7100 7102 7103 7104 7106 7107 7108
        7109 7111 7112 7113 7114 7115 7119 7122 7123 7142 7143 7146 7147 7148 7149 7151 7157 7159
        7169 7170 7171 7172 7173 7174 7175 7176 7177 7178 7179 7180 7181 7182 7185 7186 7187 7188
        7192 7632 7684 7685 7686 7687 7688 7689 7690 7691 7692 7693 7694 7695 7696 7697 7698 7699
        7700 7701 7702 7703 7704 7707 7708 7709 7710 7711 7712 7713 7714 7715 7716 7717 7718 7719
        7720 7721 7722 7723 7724 7725 7726 7727 7846 7849""",
    "IPI": """353 1150 1151 1152 1164 1170 1180 1181 1183 1188 1226 1227 1229 1242 1244 1245 1269
        1807 5620 5626 5627 5631 5634 5640 5643 5644 5647 5652 5656 5669 5805 6007 6008 6009 6011
        6030 6074 6075 6076 6077 6078 6079 6080 6081 6082 6083 6084 6085 6086 6087 6088 6089 6090
        6277 6293 6295 6297 6303 6309 6321 6327 6329 7009 7020 7022 7024 7026 7028 7030 7032 7034
        7074 7129 7706""",
    "IMP": """315 1161 1167 1168 1175 1179 1224 1225 1247 1266 1585 1844 5530 5667 5668 6049 6050
        6051 6052 6063 6099 6101 7089 7092 7117 7118 7160 7161 7162 7163 7165 7166 7167 7168""",
    "IGI": "316 6091 6092 6093 6094 6095 6096 6097",
    "IEP": """270 272 273 275 276 277 279 281 282 283 284 285 287 289 290 291 346 349 351 1182 1570
        1838 1841 5615 5616 5617 5633 5636 5641 5648 5653 5657 5672 6002 6068 6170 6174 6241 6243
        7087 7144 7145 7154 7155 7682""",
    "HTP": "6056 6059",
    "HDA": "7005",
    "HMP": "7001",
    "HGI": "7003",
    "HEP": "7007",
    "IC": """305 306 6019 7752 7753 7754 7755 7756 7757 7758 7759 7760 7761 7762 7763""",
    "TAS": "304 6017",
    "NAS": "303",
    "ND": "307",
    "IBA": "318",
    "IBD": "319",
    "IKR": "320",
    "IRD": "321",
    "IGC": "317 354",
    "ISS": "250",
    "ISO": "266",
    "ISA": "247 30 31 32 329 330 5556 5558 5560 5654 7152 7749",
    "ISM": "255 257 260 262 264 5622 5624 5649 5658 5662",
    "RCA": "245 7652 7659 7666",
    "IEA": "501 7669 256 258 259 261 263 265 322 323 363",
}
_ECO_ID = re.compile("ECO:[0-9]{7}")
_CODE_OF = {f"ECO:{int(n):07d}": code for code, ids in _ECO.items() for n in ids.split()}


def evidence_option() -> Any:
    """Declare ``evidence``, an option of all verbs that read annotations; see `parse_evidence`."""
    return option(
        ",".join(EXPERIMENTAL),
        "The evidence codes of GAF and GPAD to take, separated by commas; the default is the"
        " experimental ones, all takes every code but ND.",
    )


def parse_evidence(text: str) -> frozenset[str]:
    """Return the codes that a setting selects: ``experimental``, ``all``, or a list with commas.

    Examples
    --------
    >>> sorted(parse_evidence("ida, IEA")), "IEA" in parse_evidence("all")
    (['IDA', 'IEA'], True)

    Raises
    ------
    UsageError
        If a code is unknown, or ND, which is no annotation.
    """
    words = [word.strip().upper() for word in text.split(",")]
    if words == ["ALL"]:
        return CODES - {NO_DATA}
    if words == ["EXPERIMENTAL"]:
        return frozenset(EXPERIMENTAL)
    valid = (*EXPERIMENTAL, *OTHERS)
    if unknown := [word for word in words if word not in valid]:
        reason = f"{printable(repr(unknown[0]), 20)} is not experimental, all or one of"
        raise UsageError(f"{reason} {' '.join(valid)}", field="evidence")
    return frozenset(words)


def code_of(evidence: str) -> str:
    """Return the code of an ECO id; a code, and an ECO id of none of the codes, stay as they are.

    Descendants of a code's ECO class count as the code. Of those of IEA only the ids are listed
    that GO's references use.

    Examples
    --------
    >>> code_of("ECO:0000314"), code_of("IDA"), code_of("ECO:0000000")
    ('IDA', 'IDA', 'ECO:0000000')
    """
    return _CODE_OF.get(evidence, evidence)


def fault_of_evidence(code: str) -> str:
    """Return what is wrong with a result of `code_of`, or an empty string."""
    if code in CODES or _ECO_ID.fullmatch(code):
        return ""
    return f"{printable(repr(code), 30)} is no evidence code" if code else "no evidence code"


def is_taken(code: str, wanted: frozenset[str]) -> bool:
    """Whether a result of `code_of` is wanted; all codes together include unlisted ECO ids."""
    return code in wanted or (wanted >= CODES - {NO_DATA} and code != NO_DATA)
