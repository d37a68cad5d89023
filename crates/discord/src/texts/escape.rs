//! Others' words in our messages: as they read, without effect.

/// Longer words of others are cut.
const LONGEST: usize = 300;

/// Escapes markup, mentions and addresses; takes line breaks, and what turns the direction of writing, away.
pub(crate) fn escape(words: &str) -> String {
    let mut safe = String::with_capacity(words.len());
    for (at, letter) in words.trim().chars().enumerate() {
        if at == LONGEST {
            safe.push('…');
            break;
        }
        match letter {
            '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' => {}
            _ if letter.is_control() || letter == '\u{2028}' || letter == '\u{2029}' => safe.push(' '),
            // A mention is not one any more with something invisible behind its sign.
            '@' => safe.push_str("@\u{200b}"),
            '\\' | '*' | '_' | '~' | '`' | '|' | '<' | '>' | '#' | '[' | ']' | '(' | ')' | ':' => {
                safe.push('\\');
                safe.push(letter);
            }
            // Only at the beginning do these make lists.
            '-' | '+' if safe.is_empty() => {
                safe.push('\\');
                safe.push(letter);
            }
            '/' if safe.ends_with('/') => safe.push_str("\u{200b}/"),
            _ => safe.push(letter),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_has_an_effect() {
        for (theirs, ours) in [
            ("Ann", "Ann"),
            ("été d'Émile, 12.5 %", "été d'Émile, 12.5 %"),
            ("**bold** _x_ ~~y~~ `z` ||w||", r"\*\*bold\*\* \_x\_ \~\~y\~\~ \`z\` \|\|w\|\|"),
            (
                "@everyone <@123> <@&4> <#5>",
                "@\u{200b}everyone \\<@\u{200b}123\\> \\<@\u{200b}&4\\> \\<\\#5\\>",
            ),
            ("[a](https://x.example)", "\\[a\\]\\(https\\:/\u{200b}/x.example\\)"),
            ("# big\n> quote", r"\# big \> quote"),
            ("- list", r"\- list"),
            (r"\*", r"\\\*"),
            ("\u{202e}live", "live"),
        ] {
            assert_eq!(escape(theirs), ours, "{theirs}");
        }
    }

    proptest! {
        #[test]
        fn every_sign_of_markup_is_escaped(words in "\\PC{0,80}") {
            let safe = escape(&words);
            let mut letters = safe.chars().peekable();
            while let Some(letter) = letters.next() {
                match letter {
                    '\\' => prop_assert!(letters.next().is_some_and(|next| next.is_ascii_punctuation())),
                    '@' => prop_assert_eq!(letters.peek(), Some(&'\u{200b}')),
                    '*' | '_' | '~' | '`' | '|' | '<' | '>' | '#' | '[' | ']' | '(' | ')' | ':' => {
                        prop_assert!(false, "{} stands alone in {}", letter, safe);
                    }
                    _ => {}
                }
            }
        }
    }
}
