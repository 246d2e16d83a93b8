//! The lexer of queries.

use crate::refusal::Refusal;
use std::fmt;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A name, keyword, number or time.
    Word(String),
    /// A text in single quotes, without them.
    Text(String),
    Sign(String),
    Comma,
    Open,
    Close,
}

/// Splits a query into tokens.
///
/// # Errors
/// If a text lacks its closing quote.
pub(super) fn tokens(query: &str) -> Result<Vec<Token>, Refusal> {
    let mut found = Vec::new();
    let mut characters = query.chars().peekable();
    while let Some(first) = characters.next() {
        let token = match first {
            space if space.is_whitespace() => continue,
            ',' => Token::Comma,
            '(' => Token::Open,
            ')' => Token::Close,
            '\'' => {
                let mut text = String::new();
                loop {
                    match characters.next() {
                        Some('\'') => break,
                        Some('\\') => text.extend(characters.next()),
                        Some(character) => text.push(character),
                        None => return Err(Refusal::malformed("a text does not end")),
                    }
                }
                Token::Text(text)
            }
            sign if is_sign(sign) => {
                let mut text = sign.to_string();
                while let Some(next) = characters.next_if(|next| is_sign(*next)) {
                    text.push(next);
                }
                Token::Sign(text)
            }
            letter => {
                let mut word = letter.to_string();
                while let Some(next) = characters.next_if(|next| is_part_of_word(*next)) {
                    word.push(next);
                }
                Token::Word(word)
            }
        };
        found.push(token);
    }
    Ok(found)
}

fn is_sign(character: char) -> bool {
    matches!(character, '=' | '<' | '>' | '!')
}

fn is_part_of_word(character: char) -> bool {
    !character.is_whitespace() && !is_sign(character) && !matches!(character, ',' | '(' | ')' | '\'')
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(text) | Self::Sign(text) => f.write_str(text),
            Self::Text(text) => write!(f, "'{text}'"),
            Self::Comma => f.write_str(","),
            Self::Open => f.write_str("("),
            Self::Close => f.write_str(")"),
        }
    }
}
