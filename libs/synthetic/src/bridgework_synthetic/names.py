"""The invented vocabulary: people, streets, towns, employers. Nobody here exists."""

from __future__ import annotations

from typing import Final, NamedTuple

from bridgework_synthetic.words import words

FEMALE: Final = words(
    "Adaline Agnes Alba Amara Annika Astrid Aurelia Beatrix Bettina Bianca Brenna Calista "
    "Camille Carys Cecily Celeste Clarissa Coralie Cosima Dagny Daphne Delphine Dorothea "
    "Edith Elara Eloise Elspeth Esther Eulalia Evangeline Fern Fiona Flora Freya Georgina "
    "Greta Gwendolyn Harriet Hazel Henrietta Hilda Honor Ida Imelda Ingrid Isadora Isolde "
    "Ivy Jocelyn Josefina Juniper Katya Kirsten Leocadia Leonora Lilian Linnea Lorna Louisa "
    "Lucinda Mabel Magdalena Maren Marigold Matilda Maude Mercedes Minerva Mirabel Moira "
    "Nadine Nell Niamh Noor Octavia Odette Olympia Ondine Opal Ottoline Paloma Petra "
    "Philippa Phoebe Priya Ramona Rosalind Rosamund Rowena Sabine Saoirse Selma Seraphina "
    "Signe Sunita Susannah Sylvie Tabitha Tamar Thea Thelma Ulla Ursula Vera Verity Viola "
    "Willa Winifred Xenia Yasmin Yvette Zadie Zelda Zora"
)
MALE: Final = words(
    "Abelard Alaric Aldo Ambrose Anselm Archibald Arlo Arvid Asher Augustin Balthazar "
    "Barnaby Bartholomew Basil Benedict Bertram Boris Bram Caleb Casimir Cassius Cedric "
    "Clement Conrad Cornelius Cyril Damian Darius Dashiell Desmond Dmitri Dominic Edgar "
    "Edmund Eldon Elias Emeric Enzo Ephraim Evander Ewan Fabian Felix Ferdinand Fergus "
    "Finnian Florian Franklin Gareth Gideon Gilbert Godfrey Gregor Gustav Hamish Harold "
    "Hector Horace Hugo Humphrey Ignatius Ingram Isidore Ivo Jarvis Jasper Joachim Jonas "
    "Julius Kaspar Killian Konrad Lambert Laszlo Leander Leopold Linus Lorcan Ludovic "
    "Magnus Malachi Marius Maximilian Milo Mordecai Nehemiah Nikolai Oberon Octavius Orson "
    "Osric Otis Percival Phineas Quentin Rafferty Ragnar Raymond Roderick Roland Rufus "
    "Rupert Sebastian Sigmund Silas Solomon Stellan Tarquin Thaddeus Theodore Tiberius "
    "Tobin Torsten Ulysses Valentin Vikram Walter Wendell Wilfred Winston Xavier Yannick "
    "Zachariah"
)
LAST: Final = words(
    "Abbotsford Ackerley Addersley Ainsworth Aldercott Allardyce Amberley Applegarth "
    "Ardmore Arkwright Ashdown Atherstone Babington Backhouse Bainbridge Balfour Bannister "
    "Barraclough Bartram Beaufort Beckwith Bellweather Berrycloth Bickerstaff Birtwistle "
    "Blackadder Blenkinsop Bloxham Bodkin Bolingbroke Bottomley Bracegirdle Braithwaite "
    "Bramwell Brightwater Broadribb Brocklehurst Broomfield Buckminster Bunnell Burnaby "
    "Butterfield Cadwallader Calverley Cantrell Carruthers Castlemaine Cathcart Chadderton "
    "Challoner Chatterjee Cholmondeley Clutterbuck Cobbledick Cockburn Coldstream Colquhoun "
    "Copperfield Cornwallis Cotterill Crabtree Cranborne Crompton Crosskeys Culpepper "
    "Dalrymple Danforth Darlington Daventry Dearborn Delacroix Dempster Devereux Digby "
    "Dinsdale Doolittle Drabble Drinkwater Dunwoody Eastcott Ecclestone Eddington "
    "Elphinstone Entwistle Etheridge Fairbrother Farnsworth Featherstone Fenwick Fernsby "
    "Finchley Fitzalan Flintoff Fothergill Foxcroft Gainsborough Galbraith Gallowglass "
    "Garrick Gathercole Gilchrist Glasscock Goldsworthy Goodenough Gorringe Grantham "
    "Greenhalgh Grimshaw Hackett Haddock Halliwell Hardcastle Harkaway Hathersage Hawksmoor "
    "Heathcote Hebblethwaite Higginbottom Hollingworth Honeysett Hornblower Huddleston "
    "Iddesleigh Inglethorpe Ironmonger Isherwood Jellicoe Jessop Jolliffe Kettleborough "
    "Kilgarriff Kingscote Knatchbull Lambourne Langstaff Larkspur Lathbury Leatherbarrow "
    "Leominster Lightbody Lillywhite Littlejohn Lockhart Longbottom Loveday Lutyens "
    "Mainwaring Malvern Marchbanks Marlborough Mauleverer Meriwether Merryweather "
    "Micklethwait Middlemarch Montague Moorcroft Mortlake Mountjoy Muggeridge Nethercott "
    "Nightingale Northcote Nuttall Oakeshott Oglethorpe Ollerenshaw Ormerod Osgood "
    "Otterburn Oxenham Padgett Palliser Parminter Peasgood Pemberley Penhaligon Pettigrew "
    "Pickersgill Pinkerton Polkinghorne Postlethwaite Prendergast Quartermain Quillfeather "
    "Rackstraw Ramsbottom Rathbone Ravenscroft Redfern Ribblesdale Rookwood Rotherham "
    "Rowbotham Sackville Saltmarsh Satterthwaite Scattergood Shackleton Shufflebottom "
    "Sidebottom Silverlock Skeffington Smallpiece Snodgrass Southerndown Spottiswoode "
    "Stillwell Stonebridge Strickland Summerscale Sutcliffe Swithinbank Tattersall "
    "Thistlewood Threlfall Throckmorton Tidewell Tillotson Trelawney Trumble Twelvetrees "
    "Tyrwhitt Umfreville Underhay Uppington Vavasour Venables Wadsworth Wainscott Warbeck "
    "Weatherby Westmacott Whitbread Whittingstall Widdowson Winterbourne Wolstenholme "
    "Woodruff Worplesdon Wyndham Yarborough Yelverton Zouche"
)
ACCENTED_LAST: Final = (
    "Núñez",
    "Béchard",
    "Muñoz",
    "Grönlund",
    "Lévesque",
    "Peña",
    "Jäger",
    "Ibáñez",
)
"""Letters that Windows-1252 has and whose bytes survive being decoded twice."""

FAR_LAST: Final = ("Kovačević", "Łukasik", "Nguyễn", "Şahin", "Dvořák", "Szabó-Erdős")
"""Letters that Windows-1252 does not have: dialect b prints a question mark for them."""

NICKNAMES: Final[dict[str, str]] = {
    "Theodore": "Ted", "Harriet": "Hattie", "Henrietta": "Etta", "Benedict": "Ben",
    "Bartholomew": "Bart", "Maximilian": "Max", "Josefina": "Josie", "Evangeline": "Eva",
    "Sebastian": "Seb", "Philippa": "Pippa", "Winifred": "Freddie", "Zachariah": "Zach",
    "Matilda": "Tilly", "Franklin": "Frank", "Walter": "Walt", "Susannah": "Sue",
    "Magdalena": "Lena", "Gwendolyn": "Gwen", "Raymond": "Ray", "Nikolai": "Nick",
    "Dorothea": "Dot", "Archibald": "Archie", "Leopold": "Leo", "Cornelius": "Neil",
}  # fmt: skip

STREETS: Final = words(
    "Alderwood Larkfield Millrace Tanner Orchard Quarry Hollow Juniper Foundry Kestrel "
    "Willow Chandler Cooper Ferryman Granary Heron Ivory Lantern Meadowlark Nutmeg Osprey "
    "Pinecone Ropewalk Saddler Thimble Umber Vine Weaver Yarrow Barley Copper Drover Ember "
    "Flint"
)
STREET_KINDS: Final = ("Street", "Lane", "Road", "Avenue", "Court", "Way", "Terrace", "Drive")
UNITS: Final = ("Apt", "Unit", "Suite", "#")

EMPLOYERS: Final = (
    "Bluestem Logistics", "Calder & Finch", "Corvid Analytics", "Driftwood Boatyard",
    "Elmhurst School District", "Fennimore Foods", "Gable Roofing", "Hawthorne Mills",
    "Inkwell Press", "Kingfisher Transit", "Lodestar Credit Union", "Maplecrest Hospital",
    "Northgate Packaging", "Oxbow Energy", "Pennant Insurance", "Quillon Steel",
    "Rushlight Media", "Saltbox Furniture", "Tollgate Motors", "Union of Harbor Pilots",
    "Vesper Hotels", "Wrenfield Farms", "Yardley Paper", "Zephyr Air, Inc.",
)  # fmt: skip


_EASTERN: Final = "America/New_York"
_PACIFIC: Final = "America/Los_Angeles"


class Town(NamedTuple):
    """Where a practice stands. The town is invented, state, zone and zip block are the state's."""

    city: str
    neighbours: tuple[str, ...]
    state: str
    zip3: str
    time_zone: str


TOWNS: Final = (
    Town("Wexmoor", ("Wexmoor Falls", "Little Tarrow", "Stonequay"), "MA", "017", _EASTERN),
    Town("Port Ellery", ("Ellery Heights", "Dunmarsh", "Oldcastle"), "CT", "064", _EASTERN),
    Town("Marlow Bridge", ("Candlewick", "East Marlow", "Fallowdale"), "NJ", "088", _EASTERN),
    Town("Tamsworth", ("Granite Notch", "Pell Harbor", "Upper Tams"), "NH", "032", _EASTERN),
    Town("Cedar Fork", ("Fork Landing", "Sweetwater Bend", "Holt"), "OH", "441", _EASTERN),
    Town("Briarwood Lake", ("Lakeside", "Prairie Rose", "Vann"), "IL", "604", "America/Chicago"),
    Town("Copper Mesa", ("Red Arroyo", "Piedra", "San Lucero"), "AZ", "857", "America/Phoenix"),
    Town("Sable Point", ("Drake Cove", "Fog Harbor", "Tern Island"), "CA", "949", _PACIFIC),
)  # fmt: skip

PRACTICES: Final = (
    "Amber Grove Dental", "Candlemas Family Dentistry", "Fieldstone Dental Group",
    "Kestrel Hill Dental", "Lindenwood Dental Care", "Old Mill Dentistry",
    "Quayside Dental Partners", "Sorrel & Oak Dental", "Thornbury Smiles", "Wayfarer Dental",
)  # fmt: skip

AREA_CODES: Final = words(
    "201 202 203 205 206 207 208 209 210 212 213 214 215 216 217 218 219 224 225 228 229 "
    "231 234 239 240 248 251 252 253 254 256 260 262 267 269 270 272 276 281 301 302 303 "
    "304 305 307 308 309 310 312 313 314 315 316 317 318 319 320 321 323 325 330 331 334 "
    "336 337 339 346 347 351 352 360 361 385 386 401 402 404 405 406 407 408 409 410 412 "
    "413 414 415 417 419 423 424 425 430 432 434 435 440 443 458 469 470 475 478 479 480 "
    "484 501 502 503 504 505 507 508 509 510 512 513 515 516 517 518 520 530 540 541 551 "
    "559 561 562 563 567 570 571 573 574 575 580 585 586 601 602 603 605 606 607 608 609 "
    "610 612 614 615 616 617 618 619 620 623 626 630 631 636 641 646 650 651 660 661 662 "
    "678 682 701 702 703 704 706 707 708 712 713 714 715 716 717 718 719 720 724 727 731 "
    "732 734 740 754 757 760 763 765 770 772 773 774 775 781 785 786 801 802 803 804 805 "
    "806 808 810 812 813 814 815 816 817 818 828 830 831 832 843 845 847 848 850 856 857 "
    "858 859 860 862 863 864 865 870 901 903 904 906 907 908 909 910 912 913 914 915 916 "
    "917 918 919 920 925 928 931 936 937 940 941 947 949 951 952 954 956 970 971 972 973 "
    "978 979 980 985 989"
)
"""Area codes in use; with exchange 555 and lines 0100-0199 they make numbers nobody can have."""
