"""Expressions to try: picked by hand for every corner of the language, and made at random."""

from __future__ import annotations

from hypothesis import strategies as st

from permissions.methods import METHODS

PICKED = r"""
true
false
null
undefined
NaN
Infinity
1
1.5
.5
5.
1e21
1e-7
123456789012345680000
0.1 + 0.2
0x1F
0b101
0o17
1_000_000
9007199254740993
1e400
5e-324
'it\'s'
"a\tb\u0041\x42\u{1F600}"
'\ud83d\ude00'
'\ud83d' + '\ude00'
'a\
b'
`plain`
`a${1 + 1}b${`c${data.price}`}`
`${undefined} ${null} ${[1, [2, null]]} ${{}}`
`\${} \``
[]
[1, 'a', [null],]
{}
{a: 1, 'b c': 2, 3: 4, in: 5, true: 6,}
{a: 1, a: 2}.a
({a: {b: [1, 2]}}).a.b[1]
/a.c/gi
/=a/
'x=a'.match(/=a/).index
/[/]\/(?:x)/
user
user.id === 'bob'
user.isAuthenticated && user.data.canBid
user.data.nothing
user.data.nothing.more
user.nothing.more
user?.data?.nothing?.more.and.more
user.data.nothing?.[0].x
user.data.nothing?.trim().length
(user.data.nothing?.a).b
user['da' + 'ta'].level
user.data.tags[1]
user.data.tags['0']
user.data.tags[2]
user.data.tags[-1]
user.data.tags['00']
user.data.tags.length
user.data.tags[1.5]
data.text.length
data.text[0] + data.text['4']
data.text[9]
data.emoji.length
data.emoji[1] + data.emoji[2]
data.emoji[1]
data.emoji < '\uffff'
data.price.a
data.huge > data.big
9007199254740993 > 9007199254740992
1e400 >= 1
true.a
data.object[1]
data.object['b c']
data.object[null]
data.list[[1]]
null.a
undefined['a']
null?.a
data['none'].a
data.none?.a
!data.none
!'' + !0
!![]
!!{}
!!''
!!'0'
!!0
!!-0
!!NaN
-''
-'5'
+'0x10'
+' 12 '
+'1e3'
+'.5.'
+'Infinity'
+'-0'
+'1_0'
+''
+[]
+[5]
+[1, 2]
+{}
+null
+undefined
+true
+'\u00a0 7 \ufeff'
-0
0 * -1
typeof 1
typeof 'a'
typeof true
typeof undefined
typeof null
typeof []
typeof {}
typeof /a/
typeof data.nothing
typeof typeof 1
1 + 2 * 3 - 4 / 8 % 3
-7 % 3
7 % -3
-4 % 2
5.5 % 2
1 % 0
0 / 0
1 / 0
-1 / 0
1 / -0
Infinity % 2
2 % Infinity
1 + '2'
'3' * '4'
'a' * 1
1 + null
1 + undefined
1 + true
'a' + null
[1, 2] + [3]
[] + {}
{} + []
[] + []
null + null
'a' + -0
'' + 1e21 + 1e-7 + 0.000001 + 123456789.125
'' + data.big
data.big === 9007199254740992
data.big > 9007199254740992
data.huge * data.huge
data.tiny + ''
1 < 2
'a' < 'b'
'B' < 'a'
'10' < '9'
'10' < 9
null < 1
null >= 0
undefined < 1
undefined >= undefined
NaN <= NaN
[2] > 1
[1, 2] < [1, 3]
{} < 1
'a' > 1
true > false
1 < 2 < 3
3 > 2 > 1
'a' in data.object
'b c' in data.object
'x' in data.object
1 in data.object
0 in data.list
'0' in data.list
2 in data.list
9 in data.list
'length' in data.list
'a' in 'abc'
'a' in null
1 == 1.0
1 == '1'
1 == true
'1' == true
'a' == true
0 == ''
0 == '0'
'' == '0'
0 == null
null == undefined
null == 0
null == false
undefined == 0
NaN == NaN
[] == false
[] == ''
[] == 0
[1] == 1
[1, 2] == '1,2'
[null] == ''
[[]] == 0
{} == '[object Object]'
[] == []
{} == {}
data.object == data.object
1 === 1.0
1 === '1'
null === undefined
null === null
undefined === undefined
undefined === data.nothing
NaN === NaN
0 === -0
true === 1
'a' === 'a'
name === 'auction/item/bob/7'
$id === '7'
$id == 7
data.list === data.list
[] === []
1 !== '1'
'a' !== 'a'
true !== true
1 != 1
null != undefined
data.nothing != null
true && 1
0 && 1
'' && 1
1 && 'a' && null && 2
[] && 1
0 || 'a'
0 || '' || null
'' || [] || 1
NaN || undefined
1 || data.nothing.more
0 && data.nothing.more
null ?? 1
undefined ?? null ?? 2
0 ?? 1
'' ?? 1
(null ?? 0) || 2
null ?? 1 || 2
true ? 1 : 2
'' ? 1 : 2
0 ? 1 : null ? 2 : 3
true ? false ? 1 : 2 : 3
data.flag?.5:1
1 ? 2 : data.nothing.more
'hello'.startsWith('he')
'hello'.startsWith('lo', 3)
'hello'.startsWith('')
'hello'.startsWith()
'undefined!'.startsWith()
'hello'.startsWith('h', -5)
'hello'.endsWith('lo')
'hello'.endsWith('he', 2)
'hello'.endsWith('o', undefined)
'hello'.endsWith('', NaN)
'hello'.includes('ell')
'hello'.includes('h', 1)
'null'.includes(null)
'hello'.includes(/l/)
'hello'.indexOf('l')
'hello'.indexOf('l', 3)
'hello'.indexOf('z')
'hello'.indexOf('', 9)
'5'.indexOf(5)
data.emoji.indexOf('b')
data.emoji.includes('\ud83d')
[1, NaN, 'a'].includes(NaN)
[1, NaN, 'a'].indexOf(NaN)
[1, 2, 3].includes(1, 1)
[1, 2, 3].indexOf(3, -1)
[1, 2, 3].indexOf(1, -1)
[0].includes(-0)
[[]].includes([])
data.list.includes('2')
data.list.includes(2)
data.list.includes(null)
[undefined].includes()
'a1b22'.match(/\d+/)
'a1b22'.match(/\d+/g)
'abc'.match(/x/)
'abc'.match(/x/g)
'abc'.match(/(?<first>a)(z)?/)
'abc'.match(/(?<first>a)(z)?/).groups.first
'xabc'.match(/b/).index
data.emoji.match(/b/).index
'abc'.match('b.')
'abc'.match()
'a.c'.match(/[.]/)[0]
'a-b'.match(/[\w-]+$/)[0]
'a]b^c'.match(/[\]^]/g)
'ABC'.match(/abc/i)[0]
'a\nb'.match(/a.b/)
'a\nb'.match(/a.b/s)[0]
'a\u2028b'.match(/a.b/)
'\u00a0'.match(/^\s$/)[0]
'a'.match(/^[^]$/)[0]
'a'.match(/[]/)
'aaa'.match(/a{2}/)[0]
'a{2'.match(/a{2/)[0]
'aXbx'.match(/(?:x)(?!b)/)
'abc'.match(/(a)\1/)
'aa'.match(/a+?/)[0]
'foo/bar'.match(/^\w+\/\w+$/) !== null
'\x01'.match(/\cA/)[0]
'😀'.match(/^.$/u)[0]
'😀'.match(/\u{1F600}/u)[0]
'Éa'.match(/\p{Lu}/u)[0]
'hello'.toUpperCase()
'straße'.toUpperCase()
'ΑΣ'.toLowerCase()
'İ'.toLowerCase()
' \u00a0\ufeffa\n'.trim()
' a '.trim().length
data.price.trim()
data.list.trim()
data.none.trim()
data.none?.trim()
data.nothing?.trim().startsWith('a').b
data.object.trim()
user.data.tags.startsWith('a')
(1).toUpperCase()
_('a').x
_('a').next + _(_('a').next).x[1]
_('missing')
_('missing').x
_('')
_(5)
_(null)
_(name)
now - 1000
now > 0 && now === now
action === 19
actionName
actionName + action
data.price > oldData.price
data.price > oldData.price && data.text === oldData.text
data.text.toLowerCase() === oldData.text.toLowerCase()
data.odd + ''
data.odd == 1
`${data.odd}`
data.odd.toString
data.list + ''
oldData.list.length === 0
oldData.list == ''
1 /* a comment */ + /* another */ 2
1 // to the end
((((1))))
- - 1
+ -1
- + -1
!-1
typeof -1
typeof (1) + 1
1 - -1
4 / 2 / 2
2 * 3 % 4
'a' + 1 + 2
1 + 2 + 'a'
1 +
)(
1 1
'a
`a
1..a
01
08
1_
1__0
0x
1n
3in []
'\01'
'\8'
'\x4'
'\u{110000}'
a b
data.
data..a
data?
data?.
{a}
{a: 1
{1a: 2}
data.text;
a || b ?? c
a ?? b && c
/a/y
/(/
/a**/
/[b-a]/
/a/gg
/*/
"""
"""One expression a line; a line that ends with a backslash goes on."""

NOT_IN_THE_LANGUAGE = [
    *(
        "a = 1",
        "data.x = 1",
        "data.x += 1",
        "data.x ??= 1",
        "data.x++",
        "--data.x",
        "2 ** 3",
        "1 & 1",
        "1 | 1",
    ),
    *(
        "1 ^ 1",
        "~1",
        "1 << 2",
        "1 >> 1",
        "1 >>> 1",
        "void 0",
        "new Date()",
        "delete data.x",
        "data in",
        "1, 2",
    ),
    *(
        "data instanceof user",
        "() => 1",
        "x => 1",
        "function () {}",
        "class {}",
        "this",
        "arguments",
        "eval('1')",
    ),
    *(
        "import('x')",
        "await 1",
        "yield 1",
        "[1,,2]",
        "[...[1]]",
        "{...data}",
        "{[name]: 1}",
        "{get a() {}}",
        "a",
    ),
    *(
        "x.y",
        "Math.max(1)",
        "Date.now()",
        "JSON",
        "console",
        "globalThis",
        "process",
        "require('fs')",
        "data()",
    ),
    *("data.text()", "data['trim']()", "(data.text.trim)()", "data.text.trim?.()", "name`x`"),
    *(
        "data.text.replace('a', 'b')",
        "data.list.map(user)",
        "data.text.concat('a')",
        "'a'.repeat(9)",
        "_",
        "_()",
    ),
    *("_('a', 'b')", "_?.('a')", "data; user", "if (true) true", "throw 1", "#x", "@x", "a\\u0062", "<!-- x"),
]
"""What JavaScript has and VALVE.md has not."""

NODE_KNOWS_MORE = {
    "'abc'.match(/(a)\\1/)": "re2 has no back-references",
    "'aXbx'.match(/(?:x)(?!b)/)": "re2 has no look-ahead",
    "/a/y": "a rule has no lastIndex to go on from",
    "1n": "VALVE.md has no such numbers",
    "{a}": "VALVE.md has objects in full only",
}


def picked() -> list[str]:
    """The expressions picked by hand."""
    lines = PICKED.strip().replace("\\\n", "\\\0").split("\n")
    return [line.replace("\0", "\n") for line in lines]


_LEAVES = st.sampled_from(
    [
        *(
            "true",
            "false",
            "null",
            "undefined",
            "NaN",
            "Infinity",
            "0",
            "1",
            "2",
            "-1",
            "0.5",
            "1e21",
            "1e-7",
        ),
        *(
            "''",
            "'a'",
            "'1'",
            "'0'",
            "' 5 '",
            "'hello'",
            "'b c'",
            "'😀'",
            "[]",
            "{}",
            "[1,2]",
            "['a',1]",
            "{a:1}",
        ),
        *("user", "data", "oldData", "name", "now", "action", "actionName", "$id", "`t`", "/a/", "/[a-l]+/g"),
        *("user.id", "user.isAuthenticated", "user.data", "user.data.tags", "_('a')", "_('missing')"),
        *("data.price", "data.text", "data.list", "data.empty", "data.zero", "data.negative", "data.flag"),
        *("data.none", "data.big", "data.emoji", "data.object", "data.nothing", "data.odd", "data.numeric"),
        *("oldData.price", "oldData.text", "oldData.list"),
    ]
)
_PROPERTY = st.sampled_from(
    ["a", "b", "x", "price", "text", "list", "length", "id", "data", "tags", "object"]
)
_BINARY = st.sampled_from(
    ["+", "-", "*", "/", "%", "<", "<=", ">", ">=", "==", "!=", "===", "!==", "in", "&&", "||", "??"]
)
_UNARY = st.sampled_from(["!", "- ", "+ ", "typeof "])
_METHOD = st.sampled_from(sorted(METHODS))


def _larger(smaller: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Expressions made of others; sometimes without parentheses, so that precedence counts."""
    part = smaller | smaller.map("({})".format)
    in_parentheses = smaller.map("({})".format)
    return st.one_of(
        st.builds("{} {} {}".format, part, _BINARY, part),
        st.builds("{} {} {} {} {}".format, part, _BINARY, part, _BINARY, part),
        st.builds("{}{}".format, _UNARY, part),
        st.builds("{} ? {} : {}".format, part, part, part),
        st.builds("{}.{}".format, in_parentheses, _PROPERTY),
        st.builds("{}?.{}.{}".format, in_parentheses, _PROPERTY, _PROPERTY),
        st.builds("{}[{}]".format, in_parentheses, smaller),
        st.builds("{}?.[{}]".format, in_parentheses, smaller),
        st.builds("{}.{}({})".format, in_parentheses, _METHOD, smaller),
        st.builds("{}?.{}({}, {})".format, in_parentheses, _METHOD, smaller, smaller),
        st.builds("[{}, {}]".format, smaller, smaller),
        st.builds("{{a: {}, b: {}}}".format, smaller, smaller),
        st.builds("`<${{{}}}>`".format, smaller),
        st.builds("_({})".format, smaller),
    )


generated = st.recursive(_LEAVES, _larger, max_leaves=12)
"""Expressions of every form, of the names and values in ``valve_kit``."""
