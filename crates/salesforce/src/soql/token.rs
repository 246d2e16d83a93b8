//! The words, texts and marks of a query.

/// A token of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// A keyword, a name, a number or a date.
    Word(&'a str),
    /// What stands between quotes, with its escapes.
    Text(&'a str),
    /// A variable of Apex, such as `:ids`.
    Bind,
    Mark(u8),
}

/// The tokens of a query, without white space and comments.
#[derive(Clone, Debug)]
pub(super) struct Tokens<'a> {
    text: &'a str,
    at: usize,
    /// Whether no quote or comment lacks its end.
    is_whole: bool,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0, is_whole: true }
    }

    /// Whether every quote and comment so far has its end.
    pub(super) fn are_whole(&self) -> bool {
        self.is_whole
    }

    /// Returns the next token; `None` at the end, or from a quote or comment on that lacks its end.
    pub(super) fn next(&mut self) -> Option<Token<'a>> {
        self.skip_space();
        let first = self.byte(0)?;
        let start = self.at;
        self.at += 1;
        match first {
            b'\'' => self.text_from(start + 1),
            b':' => {
                self.skip_space();
                self.skip_word();
                Some(Token::Bind)
            }
            _ if is_of_word(first) || first == b'-' => {
                self.skip_word();
                self.text.get(start..self.at).map(Token::Word)
            }
            mark => Some(Token::Mark(mark)),
        }
    }

    /// Returns the next token and leaves it there.
    pub(super) fn peek(&self) -> Option<Token<'a>> {
        self.clone().next()
    }

    /// Takes the next token if it is the word. Returns whether it is.
    pub(super) fn take_word(&mut self, word: &str) -> bool {
        self.take_if(|token| matches!(token, Token::Word(next) if next.eq_ignore_ascii_case(word)))
    }

    /// Takes the next token if it is the mark. Returns whether it is.
    pub(super) fn take_mark(&mut self, mark: u8) -> bool {
        self.take_if(|token| token == Token::Mark(mark))
    }

    /// Skips what follows an opening parenthesis, up to the one that closes it. Returns the first word inside; the outer
    /// `None` if it is not closed.
    pub(super) fn skip_group(&mut self) -> Option<Option<&'a str>> {
        let mut level = 1_u32;
        let mut first = None;
        loop {
            match self.next()? {
                Token::Mark(b'(') => level += 1,
                Token::Mark(b')') => level -= 1,
                Token::Word(word) => first = first.or(Some(word)),
                _ => {}
            }
            if level == 0 {
                return Some(first);
            }
        }
    }

    fn take_if(&mut self, is_wanted: impl FnOnce(Token<'a>) -> bool) -> bool {
        let mut ahead = self.clone();
        let is_next = ahead.next().is_some_and(is_wanted);
        if is_next {
            *self = ahead;
        }
        is_next
    }

    fn byte(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.at + ahead).copied()
    }

    fn skip_space(&mut self) {
        loop {
            match (self.byte(0), self.byte(1)) {
                (Some(b'/'), Some(b'*')) => self.skip_past("*/"),
                (Some(b'/'), Some(b'/')) => {
                    self.at += self.rest().find('\n').unwrap_or(self.text.len() - self.at);
                }
                (Some(byte), _) if byte.is_ascii_whitespace() => self.at += 1,
                _ => return,
            }
        }
    }

    fn skip_past(&mut self, end: &str) {
        match self.rest().find(end) {
            Some(found) => self.at += found + end.len(),
            None => self.stop(),
        }
    }

    /// Skips the rest of a word. Dates and literals such as `LAST_N_DAYS:30` have marks before digits.
    fn skip_word(&mut self) {
        while let Some(byte) = self.byte(0) {
            let is_inside =
                matches!(byte, b':' | b'-' | b'+') && self.byte(1).is_some_and(|next| next.is_ascii_digit());
            if !is_of_word(byte) && !is_inside {
                return;
            }
            self.at += 1;
        }
    }

    /// Returns the text from `start` to its closing quote.
    fn text_from(&mut self, start: usize) -> Option<Token<'a>> {
        loop {
            match self.byte(0) {
                Some(b'\\') => self.at += 2,
                Some(b'\'') => {
                    let text = self.text.get(start..self.at).map(Token::Text);
                    self.at += 1;
                    return text;
                }
                Some(_) => self.at += 1,
                None => {
                    self.stop();
                    return None;
                }
            }
        }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn stop(&mut self) {
        (self.at, self.is_whole) = (self.text.len(), false);
    }
}

fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'$' | b'%') || !byte.is_ascii()
}
