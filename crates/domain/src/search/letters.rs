//! What a character is to a search, and which characters count as one: case, accents, width, and marks that many do not
//! write. Tables of ours, since Unicode's weigh more than the rest of the rules together.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Of a script that puts spaces between words.
    Letter,
    Unspaced,
    Sign,
    Between,
}

pub fn class(letter: char) -> Class {
    match letter {
        _ if is_unspaced(letter) => Class::Unspaced,
        // Marks of the scripts of India, which are no letters to Unicode, and belong to the word.
        '\u{900}'..='\u{963}' | '\u{966}'..='\u{dff}' => Class::Letter,
        _ if letter.is_alphanumeric() => Class::Letter,
        '\u{2300}'..='\u{23ff}' | '\u{2600}'..='\u{27bf}' | '\u{2b05}'..='\u{2b55}' | '\u{1f000}'..='\u{1faff}' => {
            Class::Sign
        }
        _ => Class::Between,
    }
}

/// Han, Kana, Thai, Lao, Khmer and Myanmar, without their digits and full stops.
fn is_unspaced(letter: char) -> bool {
    matches!(letter,
        '\u{e01}'..='\u{e3a}' | '\u{e40}'..='\u{e4e}' | '\u{e81}'..='\u{ece}' | '\u{1000}'..='\u{103f}'
        | '\u{1050}'..='\u{109f}' | '\u{1780}'..='\u{17d3}' | '\u{3005}'..='\u{3007}' | '\u{3041}'..='\u{3096}'
        | '\u{30a1}'..='\u{30fa}' | '\u{30fc}'..='\u{30fe}' | '\u{31f0}'..='\u{31ff}' | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

pub fn fold(text: &str) -> impl Iterator<Item = char> {
    text.chars().filter(|letter| !is_left_out(*letter)).flat_map(|letter| wide(letter).to_lowercase()).flat_map(plain)
}

/// Accents written apart, vowel signs of Arabic and Hebrew, and what only says how a character looks.
fn is_left_out(letter: char) -> bool {
    matches!(letter,
        '\u{ad}' | '\u{300}'..='\u{36f}' | '\u{591}'..='\u{5bd}' | '\u{5bf}' | '\u{5c1}'..='\u{5c7}' | '\u{610}'..='\u{61a}'
        | '\u{640}' | '\u{64b}'..='\u{65f}' | '\u{670}' | '\u{6d6}'..='\u{6ed}' | '\u{200b}'..='\u{200f}' | '\u{20e3}'
        | '\u{ff9e}' | '\u{ff9f}' | '\u{fe00}'..='\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}' | '\u{e0020}'..='\u{e007f}')
}

/// One that is drawn wider or narrower than usual, as usual.
fn wide(letter: char) -> char {
    let code = u32::from(letter);
    match letter {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(code - 0xfee0).unwrap_or(letter),
        '\u{ff66}'..='\u{ff9d}' => {
            let place = usize::try_from(code - 0xff66).unwrap_or(usize::MAX);
            NARROW_KANA.chars().nth(place).unwrap_or(letter)
        }
        _ => letter,
    }
}

/// U+FF66 to U+FF9D.
const NARROW_KANA: &str =
    "ヲァィゥェォャュョッーアイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワン";

/// Without its accents; some are two letters then.
fn plain(letter: char) -> std::iter::Chain<std::iter::Once<char>, std::option::IntoIter<char>> {
    let (first, second) = match letter {
        '\u{0}'..='\u{7f}' => (letter, None),
        'ß' => ('s', Some('s')),
        'æ' | 'ǣ' | 'ǽ' => ('a', Some('e')),
        'œ' => ('o', Some('e')),
        'þ' => ('t', Some('h')),
        'ĳ' => ('i', Some('j')),
        '\u{80}'..='\u{52f}' | '\u{620}'..='\u{6cc}' | '\u{1e00}'..='\u{1fff}' => {
            let of = PLAIN.iter().find(|(_, accented)| accented.contains(letter));
            (of.map_or(letter, |(base, _)| *base), None)
        }
        _ => (letter, None),
    };
    std::iter::once(first).chain(second)
}

const PLAIN: &[(char, &str)] = &[
    ('a', "àáâãäåāăąǎǟǡǻȁȃȧḁạảấầẩẫậắằẳẵặẚ"),
    ('b', "ḃḅḇ"),
    ('c', "çćĉċčḉ"),
    ('d', "ďḋḍḏḑḓðđ"),
    ('e', "èéêëēĕėęěȅȇȩḕḗḙḛḝẹẻẽếềểễệ"),
    ('f', "ḟ"),
    ('g', "ĝğġģǧǵḡ"),
    ('h', "ĥȟḣḥḧḩḫẖħ"),
    ('i', "ìíîïĩīĭįǐȉȋḭḯỉịı"),
    ('j', "ĵǰ"),
    ('k', "ķǩḱḳḵĸ"),
    ('l', "ĺļľḷḹḻḽł"),
    ('m', "ḿṁṃ"),
    ('n', "ñńņňǹṅṇṉṋŋ"),
    ('o', "òóôõöōŏőơǒǫǭȍȏȫȭȯȱṍṏṑṓọỏốồổỗộớờởỡợøǿ"),
    ('p', "ṕṗ"),
    ('r', "ŕŗřȑȓṙṛṝṟ"),
    ('s', "śŝşšſșṡṣṥṧṩẛ"),
    ('t', "ţťțṫṭṯṱẗŧ"),
    ('u', "ùúûüũūŭůűųưǔǖǘǚǜȕȗṳṵṷṹṻụủứừửữự"),
    ('v', "ṽṿ"),
    ('w', "ŵẁẃẅẇẉẘ"),
    ('x', "ẋẍ"),
    ('y', "ýÿŷȳẏẙỳỵỷỹ"),
    ('z', "źżžẑẓẕ"),
    ('α', "άἀἁἂἃἄἅἆἇὰάᾀᾁᾂᾃᾄᾅᾆᾇᾰᾱᾲᾳᾴᾶᾷ"),
    ('ε', "έἐἑἒἓἔἕὲέ"),
    ('η', "ήἠἡἢἣἤἥἦἧὴήᾐᾑᾒᾓᾔᾕᾖᾗῂῃῄῆῇ"),
    ('ι', "ΐίϊἰἱἲἳἴἵἶἷὶίιῐῑῒΐῖῗ"),
    ('ο', "όὀὁὂὃὄὅὸό"),
    ('ρ', "ῤῥ"),
    ('σ', "ς"),
    ('υ', "ΰϋύὐὑὒὓὔὕὖὗὺύῠῡῢΰῦῧ"),
    ('ω', "ώὠὡὢὣὤὥὦὧὼώᾠᾡᾢᾣᾤᾥᾦᾧῲῳῴῶῷ"),
    ('а', "ӑӓ"),
    ('г', "ѓ"),
    ('е', "ѐёӗ"),
    ('ж', "ӂӝ"),
    ('з', "ӟ"),
    ('и', "йѝӣӥ"),
    ('і', "ї"),
    ('к', "ќ"),
    ('о', "ӧ"),
    ('у', "ўӯӱӳ"),
    ('ч', "ӵ"),
    ('ы', "ӹ"),
    ('э', "ӭ"),
    ('ا', "أإآ"),
    ('ه', "ة"),
    ('ي', "ىی"),
    ('ك', "ک"),
];
