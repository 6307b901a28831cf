"""A picture file as an element that may stand in a page beside others, under a content policy that allows no styles."""

from xml.etree import ElementTree

_SVG = "{http://www.w3.org/2000/svg}"
_LINK = "{http://www.w3.org/1999/xlink}href"


def inline(text: str, prefix: str) -> str:
    """The SVG with styles as attributes, without font and size, and with every id and every link to one behind a prefix."""
    ElementTree.register_namespace("", _SVG[1:-1])
    root = ElementTree.fromstring(text)
    for parent in list(root.iter()):
        for child in [each for each in parent if each.tag in (f"{_SVG}style", f"{_SVG}metadata")]:
            parent.remove(child)
    for element in root.iter():
        for rule in element.attrib.pop("style", "").split(";"):
            name, _, value = rule.partition(":")
            if name.strip() and name.strip() != "font-family":
                element.set(name.strip(), value.strip())
        if "id" in element.attrib:
            element.set("id", prefix + element.attrib["id"])
        if _LINK in element.attrib:
            element.set("href", "#" + prefix + element.attrib.pop(_LINK).removeprefix("#"))
        for name in ("clip-path", "fill"):  # a hatched area is filled by reference
            if element.get(name, "").startswith("url(#"):
                element.set(name, element.attrib[name].replace("url(#", f"url(#{prefix}"))
    for name in ("width", "height", "version"):
        root.attrib.pop(name, None)
    root.set("stroke-linejoin", "round")
    root.set("aria-hidden", "true")
    return ElementTree.tostring(root, encoding="unicode").replace(' xmlns="http://www.w3.org/2000/svg"', "", 1)
