"""Words that sellers could write, and that must only ever be read."""

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</textarea><script>alert(1)</script>",
    "{{ 7 * 7 }}{% raw %}",
    "<svg/onload=alert(1)>",
    "javascript:alert(1)",
    "&lt;b&gt;&#x202e;gnitirw",
    "\u202eevil\u0000end".replace("\u0000", ""),
    "]]><!--",
]
