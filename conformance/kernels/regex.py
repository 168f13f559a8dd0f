"""RegexReplace and RegexFullMatch: RE2's syntax, rewrites, UTF-8."""
import tensorflow as tf

from recorder import case, hidden, raw

TEXTS = ['', 'Hello, World!', 'aaa baac', 'x1y22z333', 'tab\tnew\nline', 'na\u00efve \u00c9COLE \u65e5\u672c\u8a9e', '\U0001f600 smile', '<b>bold</b><br/>', 'a.b.c', "it's (fine) [ok] {no} 50% \\ ~`"]
BAD = b'ab\xff\xfe\x80c'

PATTERNS = [
    ('a', 'X'), ('a*', 'x'), ('', '-'), ('[aeiou]', ''), ('[^a-z]', '_'), ('[^a-z]+', '_'), (r'\d+', '#'), (r'(\w)(\d+)', r'\2\1'), (r'(?i)hello', 'Bye'),
    (r'[!"#$%&()\*\+,-\./:;<=>?@\[\\\]^_`{|}~\']', ''), (r'<[^>]+>', ''), (r'\s+', ' '), (r'\S', r'[\0]'), (r'^', '>'), (r'$', '<'), (r'(?m)^', '>'), (r'(?s).', '.'), (r'.', r'\0\0'),
    (r'\bW', 'w'), (r'[[:upper:]]', 'U'), (r'[[:alpha:]\d]+', 'w'), (r'\p{L}', 'L'), (r'\pN', 'N'), (r'\p{Han}+', 'H'), (r'[^\x00-\x7F]', '?'), (r'(?P<first>[a-z])(?P<second>[a-z])', r'\2\1'),
    (r'a{2}', 'AA'), (r'a{1,2}?', 'b'), (r'(a|b)*c', r'<\1>'), (r'(x)|(y)', r'(\1,\2)'), (r'\.', r'\\'), (r'\Qa.b\E', 'q'), (r'\A\w', 'A'), (r'\w\z', 'Z'), (r'[\s\d]', ''), (r'[\w]+', 'w'), (r'[^\w]', ''), (r'[a\-z]', '-'), (r'[]a]', 'b'), (r'[a-c-]', '.'), (r'\x{1F600}', ':)'), (r'\t', 'T'), (r'é|É', 'e'),
]
for pattern, rewrite in PATTERNS:
  case(f'StaticRegexReplace {pattern!r} by {rewrite!r}', lambda p=pattern, r=rewrite: raw.StaticRegexReplace(input=TEXTS, pattern=p, rewrite=r))
for pattern, rewrite in PATTERNS[:8]:
  case(f'RegexReplace {pattern!r} by {rewrite!r}, first only', lambda p=pattern, r=rewrite: raw.RegexReplace(input=[TEXTS], pattern=p, rewrite=r, replace_global=False))
for pattern, rewrite in [('b', 'B'), (r'[^a-z]', '_'), (r'.', r'.'), (r'[^c]', ''), (r'\s', '')]:
  case(f'RegexReplace {pattern!r} in malformed UTF-8', lambda p=pattern, r=rewrite: raw.StaticRegexReplace(input=[BAD], pattern=p, rewrite=r))
for pattern in ('(', '[', '*a', r'\1', r'(?=a)', r'(?<!a)b', 'a{1001}', r'\p{Nope}', 'a**', '[z-a]', r'\8', '\\'):
  case(f'RegexReplace by the malformed pattern {pattern!r}', lambda p=pattern: raw.RegexReplace(input=['a'], pattern=hidden(p), rewrite=hidden('b')))
for rewrite in (r'\1', r'\x', '\\', r'\10'):
  case(f'RegexReplace by the malformed rewrite {rewrite!r}', lambda r=rewrite: raw.RegexReplace(input=['aab'], pattern=hidden('a'), rewrite=hidden(r)))
case('RegexReplace by a vector of patterns', lambda: raw.RegexReplace(input=['aab'], pattern=hidden(['a', 'b']), rewrite=hidden('')))
for pattern in ('', 'a', 'Hello, World!', r'[a-z ]+', r'.*', r'(?s).*', r'\w+\d', r'a|aaa baac', r'(?i)HELLO.*', r'\p{L}+ \p{Lu}+ \p{Lo}+', '<b>.*?'):
  case(f'RegexFullMatch {pattern!r}', lambda p=pattern: raw.RegexFullMatch(input=TEXTS, pattern=p))
  case(f'StaticRegexFullMatch {pattern!r}', lambda p=pattern: raw.StaticRegexFullMatch(input=[TEXTS], pattern=p))
case('RegexFullMatch of malformed UTF-8', lambda: raw.RegexFullMatch(input=[BAD, b'\xe6\x97\xa5'], pattern=r'.*'))
case('RegexFullMatch by a malformed pattern', lambda: raw.RegexFullMatch(input=['a'], pattern=hidden('(a')))
