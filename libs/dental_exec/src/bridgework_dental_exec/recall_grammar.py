"""The words of recalls: how offices write intervals, kinds of visit, due dates, refusals, decoys.

Patterns only; what a combination means is decided in ``recall``. All patterns run on lower-case
text of unchanged length, so spans hold for the original.
"""
# ruff: noqa: E501 - a pattern is easiest to check on one line

import re
from collections.abc import Iterator
from dataclasses import dataclass

NUMBER_WORDS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8,
    "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "fifteen": 15, "eighteen": 18,
    "twenty-four": 24, "twenty four": 24, "thirty-six": 36, "thirty six": 36, "sixty": 60,
    "ninety": 90,
}  # fmt: skip
_WORD_NUMBER = "|".join(sorted(NUMBER_WORDS, key=len, reverse=True))
_N = rf"(?:\d{{1,3}}(?:\.5)?|{_WORD_NUMBER})"
_DAY = r"d(?:y|ys|ay|ays)?"
_WEEK = r"(?:w(?:k|ks|eek|eeks)|w(?!/))"
_MONTH = r"m(?:o|os|on|ons|th|ths|nth|nths|ont|onth|onths|onthly|thly|oth|oths|otnhs?|ontsh|onht|onhts|ounth|ounths|onthes)?"
_YEAR = r"y(?:r|rs|ear|ears|early)?"
_UNIT = rf"(?:{_DAY}|{_WEEK}|{_MONTH}|{_YEAR})"
_END = r"(?![a-z0-9])"

INTERVAL = re.compile(
    rf"(?<![a-z0-9.$#%])(?<!\d[/:])(?:(?P<every>every|evry|each|q\.?|@)\s*-?\s*)?(?P<n>{_N})(?:\s*\(\s*{_N}\s*\))?"
    rf"(?:\s*-?\s*|(?<=\b[3469])/(?=mo?s?\b))(?:\(\s*)?(?P<u>{_UNIT})(?!/[wtf])(?:-?er)?(?:\s*\))?\.?"
    rf"(?:(?:\s*(?:\+|plus|and|&)\s*-?|\s*)(?P<n2>{_N}|a)\s*-?\s*(?P<u2>{_DAY}))?"
    rf"(?:(?P<rc>\s*-?\s*r(?:e?c(?:l|all?|are)?)?|(?<=m)pm){_END}|{_END})"
)
"""``6 mo``, ``q3m``, ``every four (4) months``, ``6M+1D``, ``6MRC``, ``12-month``, ``6/mo``."""

ORDINAL = re.compile(
    rf"(?<![a-z])(?:every|evry|each)\s+(?P<n>\d{{1,2}}(?:nd|rd|th)|second|third|fourth|sixth)\s+(?P<u>{_WEEK}|{_MONTH}|{_YEAR}){_END}"
)
"""``every 3rd month``."""
_ORDINALS = {"second": "2", "third": "3", "fourth": "4", "sixth": "6"}

LABELLED = re.compile(
    rf"(?<![a-z])(?:(?:months?|mths?|mos)(?:\s+(?:between|for|per)(?:\s+\w+){{1,2}})?\s*[:=]\s*(?P<n>\d{{1,2}})"
    rf"|(?:mo|months?|mths?)\.?\s+(?:recall|recare)\s*[:=]?\s*(?P<n3>\d{{1,2}})"
    rf"|int(?:erval)?\s*[:=]?\s*(?P<n2>\d{{1,3}})\W{{1,3}}(?:(?:tu|units?|time units?)\s*[:=]?\s*)?(?P<u>{_UNIT})){_END}"
)
"""A form's fields: ``Months between cleanings: 4``, ``Interval: 3, Units: Months``."""

SHORT_PLUS = re.compile(rf"(?<![\w./])(?P<n>\d{{1,2}})\s*\+\s*1{_END}")
"""``6+1``: six months and a day, insurers' shorthand."""

_NUMBER_BEFORE = re.compile(r"(?:^|[^#\w])\d\s$")
"""``3 6 mo recall``: which of the two is meant nobody knows."""

FREQUENCY = re.compile(
    rf"(?<![\w./])(?P<times>once|twice|thrice|{_N}\s*(?:x|times|(?:hyg\w*|proph\w*|cleaning|pm|recall|visit)s?)|\d(?=\s*/))\s*(?:(?:a|per|each|every|/|in a|-)\s*)?"
    rf"(?:yr|year|annum|annually|yearly|yrly){_END}"
)
ADJECTIVE = re.compile(
    r"(?<![a-z])(?P<word>semi\s*-?\s*an+ual(?:ly)?|half\s*-?\s*year(?:ly)?|half a (?:year|yr)|bi\s*-?\s*(?:an+ual(?:ly)?|yearly|monthly)|(?:every )?1/2 (?:year|yr)"
    r"|(?:(?:every|each|a|one|1)\s+)?(?:year|yr) and (?:a|one) half|biennial(?:ly)?|an+ual(?:ly)?|yearly|yrly|quart(?:er|e)ly|quaterly|qtrly|monthly|every other (?:month|year|mo|yr)"
    r"|(?:every|each) (?:half (?:a )?year|month|year|quarter))(?![a-z])"
)
ADJECTIVE_ISO = (
    ("semi", "P6M"), ("a half", "P18M"), ("one half", "P18M"), ("half", "P6M"), ("1/2", "P6M"), ("biennial", "P2Y"), ("bi", "?P6M"),
    ("every other m", "P2M"), ("every other y", "P2Y"), ("qu", "P3M"), ("qtr", "P3M"), ("month", "P1M"),
    ("ual", "P1Y"), ("y", "P1Y"),
)  # fmt: skip
"""First word found decides; ``?`` marks a word that is used both ways."""

RANGE = re.compile(
    rf"(?<![\w./+])(?:(?:q\.?|every)\s*)?(?P<a>{_N})\s*(?:{_UNIT}\s*)?(?:-|to|or|/|\u2013|(?<=between . )and|(?<=between .. )and)\s*(?P<b>{_N})\s*-?\s*(?P<u>{_UNIT}){_END}"
)
"""``3-4 months``, ``6 or 12 mo``: an interval nobody settled."""

_CHANGE = re.compile(
    r"(?<![a-z])(?:(?:from|was|chang\w*|switch\w*|mov(?:e|ed|ing))(?:\s+(?!every|q\b)[a-z]+){0,3}|not)\W*$"
)
"""Before ``6 to 4 months`` this makes a change of it, not a range."""
BARE = re.compile(
    rf"(?<![\w./$#+-])(?:(?:rc|recall|recare|rcl|recal)\s*[:#-]?\s*q?\s*(?P<after>\d{{1,2}})"
    rf"|(?P<before>\d{{1,2}})\s*(?:rc|recall|recare|rcl|recal)){_END}(?!\s*[/.]\s*\d)"
)
FRACTION = re.compile(r"(?<![\d/])(?P<a>\d{1,2})/(?P<b>\d{1,2})(?![\d/])")
UNKNOWN_NUMBER = re.compile(
    rf"\?\s*{_UNIT}{_END}|(?<![a-z0-9])(?:_+|x+)\s*(?:mo|mos|month|months){_END}"
)

TYPES: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        "Perio maintenance",
        re.compile(
            r"(?<![a-z0-9])(?:per(?:io|i)?(?:dontal)?\s*-?\s*(?:maint(?:enance|s|\.)?|mt(?:c|ce|nce)?|mnt|main)"
            r"|(?:periodontal |perio )?maint(?:enance)?(?: (?:cleaning|visit|appt|clng))?"
            r"|(?<!\d )(?<!\d)p\.?m\.?(?:t|x)?|(?<!\d )(?<!\d)pm'?s|spt|supportive perio\w*|perio\s+(?:recall|recare|rc|cleaning|prophy)|d?4910"
            rf"|perio(?=\s*(?:$|[,;/.)(]|-\s|per\b|pts?\b|patient\b|due\b|w/|(?:q\.?|every|[-:@])?\s*{_N}(?:\s*\(\s*\d+\s*\))?\s*-?\s*(?:[dwmy](?=\d)|[dwmy]|mo|mos|mth|mths|months?|weeks?|wks?|days?)(?![a-z]))))(?![a-z0-9])"
        ),
    ),
    (
        "Bitewings",
        re.compile(r"(?<![a-z])(?:\d\s*)?(?:bwx?s?|bw's|bwxr|bite\s*-?\s*wings?|btwg?s?|d?027[0-7])(?![a-z0-9])"),
    ),
    ("Pano", re.compile(r"(?<![a-z])(?:pano?(?:ramic|rex|x|s)?|pan(?= )|d?0330)(?: (?:x-?ray|film))?(?![a-z0-9])")),
    (
        "FMX",
        re.compile(r"(?<![a-z])(?:fmx(?:r|s)?|fms|full\s*-?\s*mouth(?: (?:series|x-?rays?|films?|set))?|fm series|d?0210)(?![a-z0-9])"),
    ),
    (
        "Prophy",
        re.compile(r"(?<![a-z])(?:px(?![a-z])|(?:adult |child )?pro(?:[ph]{1,4}y(?:s|lax[iy]s)?|phs?|phies|phylaxis|phl?y|fy|(?! bono))|cle?ani?ngs?(?!\s+(?:crew|service|company|lady|suppl\w*|solution|staff|person|people))|clean\s*(?:&|and|\+|/|w/)\s*(?:check|exam|polish)\w*|(?:teeth|dental) clean(?:ed)?|cleans? (?:his|her|their) teeth|clng?s?|ck\s*(?:&|and|\+|/)\s*cl(?:ean)?|(?:exam|check\s*-?\s*up|chk\s*-?\s*up)\s*(?:&|and|\+|/)\s*clean|d?1110|d?1120)(?![a-z0-9])"),
    ),
    ("Hygiene", re.compile(r"(?<![a-z])(?:hyg(?:iene|ien|ein|enist)?s?|hygeine|hygine|(?:w/|with|sees?|seen by)\s*(?:the |our )?(?:rdh|hygienist))(?![a-z])")),
    ("Exam", re.compile(r"(?<![a-z])(?:per(?:iodic)? ex(?:am)?|recall exam|(?:an+ual|yearly) exam|exam(?= (?:every|q\.? ?\d|once|twice|an+ually|yearly))|(?<=year )exam|poe|ch(?:ec)?k\s*-?\s*ups?|d?0120)(?![a-z0-9])")),
)  # fmt: skip
"""Kinds of visit, the more telling first."""

RECALL = re.compile(
    r"(?<![a-z])(?:re\s*-?\s*call|rec+a+l+|rcall?|reacll|recll|rcl|rc|r/c|prc|be recalled|c\.?care|re\s*-?\s*care|continuing care|cont\.? care)s?(?![a-z])"
    r"|(?<=[\d\s-])m(?:o|th)?\s*rc(?:l|all)?(?![a-z])"
    rf"|(?<![a-z])rec(?=\W{{0,3}}(?:q\.?\s*|every\s+)?{_N}\s*-?\s*(?:m|mo|mos|mth|mths|months?)\b)"
)
BACK = re.compile(
    r"(?<![a-z])(?:due\s+back|d/b|db|come\s*back|back|return(?:s|ing)?|rtc|rto|next\s+(?:visit|appt|due))(?![a-z])"
)

FALSE_RECALL = re.compile(
    r"(?:manufactur\w*|mfr|mfg|product|device|safety|fda|drug|supplier|vendor|voluntary|class i+)\W+(?:\w+\W+){0,2}recall"
    r"|recall\s+(?:notice|letter from|alert|of|on)\s+(?:the |a |an )?(?:\w+\s+){0,3}(?:implant|part|lot|abutment|handpiece|anesthetic|batch|device|product|composite|material|kit|glove|carpule|screw|bur|cement|bonding|tip|\d)"
    r"|recall\s+notice|(?:implant|cpap|machine|pacemaker|stent|handpiece|lot|abutment|screw|composite|anesthetic|glove|material|batter(?:y|ie)|light|lamp|sensor|scanner|unit|chair|pump|bur|tray|kit|toothbrush(?:e)?|paste|rinse|mouthwash|medication|vehicle|car|airbag|food|toy)s?\s+(?:part\s+)?recall"
    r"|(?:not|n't|cannot|cant|dont|doesnt|didnt|to|as i|as far as \w+|i|if (?:he|she|they|pt)|unable to|trouble)\s+recall(?:s|ing)?(?!\s*(?:list|card|appt|visit))"
    r"|(?:pt|patient|he|she|they|mom|dad|mother|father|parent|who)\s+(?:does not|doesn't|did not|didn't|can(?:no|')t|could not|couldn't|do not|don't)\s+recall"
    r"|(?:pt|patient|he|she|mom|mother|father)\s+recalls|(?<!be )recalled|recalling|recall(?:s)? (?:that|being|having|taking|when|the|his|her|any|seeing|getting)"
)
"""``recall`` as a verb, or something a manufacturer takes back."""

REFUSAL = re.compile(
    r"(?<![a-z])(?:declin\w*|refus\w*|not interested|does(?:n'?t| not) (?:want|need|do|wish)|do(?:n'?t| not)|dnw|dnc"
    r"|no longer|no more|no|not on|not|never|remov\w*|tak(?:e|en) off|off|cancel\w*|stop\w*|quit|discontinu\w*|d/c"
    r"|delet\w*|inactivat\w*|opt(?:ed|s)? out|without|unsubscribe\w*|exclude\w*|skip)(?![a-z])"
)
SET_FOR = re.compile(r"(?<![a-z])(?:set|schedul\w*|book\w*|put)(?![a-z])[^,;.]*\bfor\W*(?:a\W*)?$")
"""``set recall for 6 months`` is no length of time."""
NOT_WANTED = re.compile(
    r"(?<![a-z])(?:declin\w*|refus\w*|sa(?:id|ys) no to|not interested in|does(?:n'?t| not) want)(?![a-z])"
)
REFUSED_AFTER = re.compile(
    r"(?<![a-z])(?:declined|refused|cancell?ed|removed|stopped|inactive|discontinued|d/c'?d?|not wanted|not needed|n/a|opted out)(?![a-z])"
)

OLD_BEFORE = re.compile(
    r"(?<![a-z])(?:from|was(?: on)?|were|used to be|used to (?:come|go|see\w*)(?: in)?|previously|prev|formerly|former|old(?: (?:recall|recare|interval))?|wrong|sooner than|less than|more than|d/c'?d?|dc'?d|discontinued?|stop(?:ped)?|by|instead of|rather than|not|no longer(?: on)?|no more"
    r"|declin\w*|refus\w*|last|past|previous|prior|for(?: the)?(?: past| last)?|since|within|every visit for|over|about|x|overdue(?: by)?|been|after|travel\w*|away|gone|deployed|out of \w+)\W*(?:a\W*|the\W*|at\W*|on\W*)?$"
)
"""What stands right before an interval that is over, or a length of time."""

NEVER_SINCE = re.compile(
    r"(?<![a-z])(?:no|not|none|without|n't|hasn'?t|haven'?t|never|missed)(?![a-z])[^,;]*\b(?:in|for|x|over|since)\s*(?:the\s+|last\s+|past\s+|over\s+|about\s+)*$"
)
"""``no cleaning in`` five years: how long ago, not how often."""

PER = re.compile(
    r"(?:\bper|\b(?:once|twice|times|\dx) in(?: the (?:last|past))?)\s*$|\d\s*(?:x\s*)?per\s*$|\d\s*/\s*$|\b\d+\s+in\s*$"
)
"""Before a stretch of time in which so many are paid: ``1 per``, ``1 in``."""

VISIT_LEAD = re.compile(
    r"(?<![a-z])(?:for|overdue(?: for)?|over|about|x|been|on|past|missed|by|away|gone|travel\w*|deployed)\W*(?:a\W*|the\W*|his\W*|her\W*|their\W*)?$"
)
"""Words that only mean a length of time where no visit follows (``here for 6 mo recall``)."""

OLD_AFTER = re.compile(
    r"^\W*(?:ago|old|past due|overdue|late|behind|prior|since|without|w/o|post\b|supply|in advance|before|after|to go|remaining|left|notice|warranty|guarantee)"
)
STILL_NAMED = re.compile(r"(?:after|before|overdue|past due|late|behind)$")
"""After ``6 MRC`` these say how it goes, not that it is over."""
TURNS_INTO = re.compile(
    r"^\W*(?:->|=>|\u2192|\bto\b|\bnow\b|\bchanged to\b|\bmoved to\b)\s*(?:a |every |q\.? ?)?\d?"
)

MONEY_OR_OFFICE = re.compile(
    r"(?<![a-z])(?:warrant\w*|guarante\w*|payment|pmt plan|payments|pay\w*|financ\w*|promo\w*|carecredit|care credit|interest|same as cash|balance|statement|deposit|collect\w*|copay"
    r"|ins|insur\w*|benefit\w*|freq\w*|limit\w*|cover\w*|allow\w*|wait(?:ing)?(?: period)?|max\w*|deductible|preauth\w*|bonus|paid|claim\w*|eob|downgrad\w*|predeterm\w*|eligib\w*"
    r"|dea|licen[cs]e|password\w*|credential\w*|renew\w*|cpr|osha|hipaa|ce credits?|malpractice|contract|lease|subscription|rent|payroll|review"
    r"|position|vacan\w*|hir(?:e|ed|ing)|maternity|mat leave|vacation|on leave|meeting\w*|huddle|training|dept|department|conference|spore|autoclave|steriliz\w*|steriliser|inspect\w*|service|compressor|filter|handpieces?|water\s*-?\s*lines?|hvac|plumb\w*|vacuum|suction|nitrous|fire|alarm|computers?|website|network|phone system|x-?ray unit|sensor|calibrat\w*|server|backup|software|printer|equipment"
    r"|lab|case|invoice\w*|order\w*|stock|supplies|reorder|shipment|vendor)(?![a-z])"
)
"""Money, insurance, licences, equipment, laboratory: their intervals are nobody's recall."""

OFFICE_REASON = re.compile(
    r"(?:for|due to|b/c(?: of)?|because of|bc)\s+(?:the\s+)?ins(?:urance)?(?![a-z])"
    r"|(?:recall|recare|rc|hyg\w*|cleaning)\s+freq\w*|so (?:that )?\w+(?: \w+)? (?:will )?pays?|so (?:that )?(?:the )?claim\w*"
    rf"|freq\w*\W{{1,3}}(?={_N}\s*-?\s*{_UNIT}{_END})"
)
"""Words of money that only give a recall's reason or name."""

OTHER_CARE = re.compile(
    r"(?<![a-z])(?:retainer\w*|ortho\w*|aligner\w*|invisalign|braces|bands?|wire|healing|post\s*-?\s*ops?|po check|suture\w*|stitches|implant\w*|abutment|crown\w*|crn|bridge|denture\w*|partial"
    r"|night\s*-?\s*guard|occlusal guard|splint|bleach\w*|whiten\w*|biopsy|lesion|graft\w*|extraction\w*|ext|rct|endo\w*|root canal|re\s*-?\s*eval\w*|reeval\w*|f/u|follow\s*-?\s*up|fu"
    r"|(?:fluoride|fl varnish)(?=\W{0,2}(?:q|every|\d))|rx|refill\w*|antibiotic\w*|premed\w*|amox\w*|medication\w*|pregnan\w*|baby|stent|surgery|chemo\w*|bisphos\w*|a1c|inr|blood|prolia|zometa|reclast|inj\w*|infusions?|botox|toothbrush\w*|physician|cardiolog\w*|clearance|joint|hip|knee"
    r"|temp|temporary|provisional|filling\w*|restor\w*|sensitiv\w*|watch|monitor|space maintainer|sealant\w*)(?![a-z])"
)
"""Other care: an interval beside it is a check of that care unless a recall is named too."""

SEEN = re.compile(
    r"(?<![a-z])(?:com(?:e|es|ing)(?: back| in)?|(?:be|is|are) seen|seen (?:here )?(?=every|q|once|twice)|see (?:pt )?(?=every|q\.?\s*\d)|hygienist (?:suggest\w*|recommend\w*|wants|says)|sees? (?:us|pt|hyg\w*)|see (?:him|her|them)|should (?:be|say|read) (?=an? |on |at |q\.?\s*\d|every|\d)|will do|returns?"
    r"|(?:put|keep|kept|stays?|is|are|both|go|goes|pt) (?:on|at)(?: an?)?(?= \d)|monthe?r|month-er|months? (?:pts?|patients?)(?![a-z]))"
)
"""Words of people who come again and again, without the word recall."""

TENTATIVE = re.compile(
    r"(?<![a-z])(?:consider\w*|maybe|might|possibl[ey]|could|discuss\w*|if|unless|may (?:need|want|go|be|have|switch|change|come))(?![a-z])"
)
"""Before an interval that nobody has decided on."""

ASKED = re.compile(
    r"(?<![a-z])(?:check|verify|confirm|clarify|ask)\s+(?:with|w/)?\s*(?:the\s+)?(?:dr|doctor|dds|dmd|rdh|hyg\w*)(?![a-z])"
    r"|(?<![a-z])(?:(?:please|pls|plz|need to|needs to) (?:verify|clarify)|which(?: one)?\s*\?|waiting (?:for|on) (?:the )?(?:dr|doctor)|if\b.*\botherwise)(?![a-z])|\?\?"
)
"""The interval itself is in question, whatever else the text says."""

CORRECTS = re.compile(
    r"(?<![a-z])(?:correction|correct(?:ed)? to|make (?:that|it)|should (?:be|say|read)|actually|resum\w*|new(?: (?:recall|recare|interval))?|now|current(?:ly)?|updated?(?: to)?|chang\w* to)\W*(?:a\W*|on\W*|at\W*|every\W*)?$"
)
"""Before the interval that holds in place of an earlier one."""

SURFACE = re.compile(
    r"(?<![a-z])(?:decay\w*|caries|carious|cavit\w*|compos\w*|comp|resin|amal(?:gam)?|surfaces?)(?![a-z])"
)
SURFACE_AFTER = re.compile(r"^\W*(?:on|of)?\s*#\s*\d")
"""A tooth's surfaces: ``2 MO`` is no length of time there."""

ROUTINE = re.compile(
    r"(?<![a-z])(?:recall|recare|rc|hyg\w*)\s+(?:report|postcard|card|list|letter|call|text|e-?mail|production|number|goal|board)s?(?![a-z])"
)
"""What an office does about all recalls, again and again."""
STATIONERY = re.compile(
    r"(?<![a-z])(?:print\w*|order\w*|buy)(?![a-z])[^;.]*(?:recall|recare) (?:post)?cards?"
)

IGNORED = re.compile(r"(?<![a-z])(?:ignore|disregard)(?![a-z])[^,;.]*$")
"""Before an interval nobody should enter."""

SOON = re.compile(
    r"(?<![a-z])(?:appt|appointment|visit|booked|scheduled|is|are)\W+(?:is\W+|are\W+)?in\s*$"
)
BOOKING = re.compile(r"(?<![a-z])(?:book|schedul)\w*\W*$")
AHEAD = re.compile(r"^\W*(?:from (?:now|today)|away|out)(?![a-z])")
"""Around days or weeks: when a visit is, not how often."""

HABIT = re.compile(r"(?<![\w#/.'])(?:3|4|6|9|12)'?s(?![a-z])")
"""``keep on regular 6's``."""

FOREIGN = re.compile(
    r"(?<![a-z])(?:rappel|nettoyage|d[\u00e9e]tartrage|(?:suivi|maintien) paro|examen|revoir|revenir|limpieza|mantenimiento)\b.*?"
    r"(?:(?<![a-z])(?:mois|moi|meses|ans?|a[\u00f1n]os?|an+u(?:el|al)|trimestr\w+|fois par ann[\u00e9e]e|veces al a[\u00f1n]o)(?![a-z])|\d\s*mois)"
    r"|(?:c/|cada)\s*\w+\s+meses"
)
"""French and Spanish: named for a person, not read."""
FOREIGN_OTHER = re.compile(
    r"(?<![a-z])(?:ass(?:urance)?|paiement|solde|saldo|enceinte|seguro)(?![a-z])"
)

CONTACT = re.compile(
    r"(?<![a-z])(?:call(?:ed|s|ing)?(?: back| again)?|try(?: again)?|contact\w*|reach\w*|text(?:ed)?|e-?mail\w*|lm|lmom|lmtcb|left (?:vm|msg|message|voicemail)|vm|remind\w*|send|sent|check back|follow up|tickle\w*)\b[^.;,]{0,24}$"
)
"""Somebody is to be called in so many weeks: no interval of visits."""

ASIDE = re.compile(r"\([^()\n]*\)")
"""A remark in brackets; one about money is a clause of its own."""

MARKUP = re.compile(r"</?[a-z][^<>\n]{0,80}>|&(?:nbsp|amp|lt|gt|quot|#\d{1,5});")
MARKUP_BREAK = re.compile(r"</?(?:br|p|div|li|tr)\b")
"""What a text copied from a page still holds."""

CLAUSE_END = re.compile(
    r"[;\n]|[.!]+(?=\s|$)|,(?!\d)|\s-{1,2}\s|\s/\s|\bbut\b|\bthen\b|\band then\b|\|"
)

MONTHS = {
    "jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6, "jul": 7, "aug": 8, "sep": 9,
    "oct": 10, "nov": 11, "dec": 12,
}  # fmt: skip
_MONTH_NAME = (
    r"jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?"
)
DUE_DATE = re.compile(
    r"(?P<iso>\d{4}-\d{2}-\d{2})"
    r"|(?P<m>\d{1,2})[/.-](?P<d>\d{1,2})[/.-](?P<y>\d{4}|\d{2})(?!\d)"
    r"|(?P<m2>\d{1,2})[/-](?P<x>\d{4}|\d{1,2})(?![\d/])"
    rf"|(?P<name>{_MONTH_NAME})\.?(?![a-z])(?:\s+(?P<nd>\d{{1,2}})(?:st|nd|rd|th)?(?!\d)(?=\s*,|\s+'?\d{{2,4}}|\s*$|\W))?(?:\s*,?\s*'?(?P<ny>\d{{4}}|\d{{2}})(?!\d))?"
)
DUE_LEAD = re.compile(
    r"(?<![a-z])(?:due(?:\s+(?:back|for|again|in|on|by|next|date|after|around|approx|mid|early|late|end of))*|d/b|db|nxt|next|needs?(?: by)?"
    r"|(?:come|coming|comes)\s+back(?: in)?|back(?:\s+in)|return(?:s)?(?:\s+in)?|rtc|rto|schedule[d]?\s+(?:for|in)|sched(?:\s+for)?|target|expected|exp)"
    r"(?:\W+(?:the|pt|patient|his|her|adult|child|for|in|on|by|hyg\w*|proph\w*|recall|recal|recare|rcl|rc|cleaning|visit|appt|pm|pmt|spt|perio|maint\w*|bwx?|fmx|pano|exam|due|is|date|early|mid|late)){0,5}\W*$"
)
"""What may stand between ``due`` and its date."""


@dataclass(frozen=True, slots=True)
class Mention:
    """An interval as it stands in the text."""

    start: int
    end: int
    iso: str
    named: bool
    """True where the interval itself says recall (``6MRC``)."""
    sure: bool
    repeats: bool = False
    """True where it says again and again (``every``, ``q``, ``twice a year``)."""


def number(text: str) -> float:
    """Return a number printed as digits or as a word."""
    return float(NUMBER_WORDS.get(text.replace("  ", " "), 0) or text)


def iso_interval(n: str, unit: str, n2: str | None = None) -> str | None:
    """Return ``P6M1D`` for six months and a day; ``None`` for a length no recall has."""
    amount = number(n)
    letter = unit[0].upper()
    if amount != int(amount):
        if letter != "Y":
            return None
        amount, letter = amount * 12, "M"
    longest = {"D": 800, "W": 160, "M": 120, "Y": 10}[letter]
    if not 1 <= amount <= longest:
        return None
    extra = ""
    if n2 is not None:
        days = 1 if n2 == "a" else int(number(n2))
        if letter == "D" or not 1 <= days <= 14:  # noqa: PLR2004 - "+ a day", at most two weeks
            return None
        extra = f"{days}D"
    return f"P{int(amount)}{letter}{extra}"


def mentions(text: str) -> list[Mention]:
    """Find every interval in lower-case text, longest first where they overlap."""
    return _without_overlaps([*_ranges(text), *_plain(text), *_repeating(text)])


def _ranges(text: str) -> Iterator[Mention]:
    for match in RANGE.finditer(text):
        if not _CHANGE.search(text[: match.start()]):
            yield Mention(match.start(), match.end(), "", named=False, sure=False)


def _plain(text: str) -> Iterator[Mention]:
    false = [match.span() for match in FALSE_RECALL.finditer(text)]
    for match in INTERVAL.finditer(text):
        iso = iso_interval(match["n"], match["u"], match["n2"])
        if iso is None and match["n2"] is not None:
            iso = iso_interval(match["n"], match["u"])
        if iso is not None:
            asked = text[match.end() : match.end() + 2].strip().startswith("?")
            asked = asked or _NUMBER_BEFORE.search(text[: match.start()]) is not None
            yield Mention(
                match.start(),
                match.end(),
                iso,
                named=bool(match["rc"])
                and not any(a < match.end() and match.start() < b for a, b in false),
                sure=not asked,
                repeats=match["every"] is not None
                or match["u"].endswith("ly")
                or text.startswith(" interval", match.end()),
            )
    for match in SHORT_PLUS.finditer(text):
        yield Mention(match.start(), match.end(), f"P{match['n']}M1D", named=False, sure=True)


def _repeating(text: str) -> Iterator[Mention]:
    for match in ORDINAL.finditer(text):
        amount = _ORDINALS.get(match["n"]) or re.sub(r"\D", "", match["n"])
        iso = iso_interval(amount, match["u"])
        if iso is not None:
            yield _again(match, iso)
    for match in LABELLED.finditer(text):
        iso = iso_interval(match["n"] or match["n2"] or match["n3"], match["u"] or "m")
        if iso is not None:
            yield _again(match, iso)
    for match in FREQUENCY.finditer(text):
        times = {"once": 1, "twice": 2, "thrice": 3}.get(match["times"])
        if times is None:
            times = int(number(re.split(r"\s*(?:x|[a-z]+)$", match["times"])[0]))
        iso_of = {1: "P1Y", 2: "P6M", 3: "P4M", 4: "P3M", 6: "P2M", 12: "P1M"}
        if times in iso_of:
            yield _again(match, iso_of[times])
    for match in ADJECTIVE.finditer(text):
        iso = next(i for word, i in ADJECTIVE_ISO if word in match["word"])
        yield _again(match, iso.lstrip("?"), sure=not iso.startswith("?"))


def _again(match: re.Match[str], iso: str, *, sure: bool = True) -> Mention:
    return Mention(match.start(), match.end(), iso, named=False, sure=sure, repeats=True)


def _without_overlaps(found: list[Mention]) -> list[Mention]:
    kept: list[Mention] = []
    for mention in sorted(found, key=lambda m: (m.start, -(m.end - m.start), m.iso == "")):
        if all(mention.start >= k.end or mention.end <= k.start for k in kept):
            kept.append(mention)
    return kept


def starts_with_visit(text: str) -> bool:
    """True where a recall or a kind of visit stands right at the beginning."""
    return bool(RECALL.match(text)) or any(p.match(text) for _, p in TYPES)


def ends_with_visit(text: str) -> bool:
    """True where a recall or a kind of visit stands right at the end."""
    return any(
        match.end() == len(text.rstrip())
        for pattern in (RECALL, *(p for _, p in TYPES))
        for match in pattern.finditer(text)
    )
