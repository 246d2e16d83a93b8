//! A parser of a subset of SOQL: `SELECT`, `FROM`, `WHERE` with `AND`, `ORDER BY`, `LIMIT`, `OFFSET`.

mod tokens;

use crate::refusal::Refusal;
use model::Timestamp;
use tokens::{Token, tokens};

type Result<T> = std::result::Result<T, Refusal>;

/// A parsed query.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Select {
    pub(crate) columns: Columns,
    pub(crate) from: String,
    /// Conditions, joined by `AND`.
    pub(crate) filters: Vec<Filter>,
    pub(crate) order: Vec<OrderBy>,
    pub(crate) limit: Option<usize>,
    pub(crate) offset: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Columns {
    Named(Vec<String>),
    /// `FIELDS(ALL)` or `FIELDS(STANDARD)`.
    All {
        /// Whether a `LIMIT` of at most 200 is required, as for `FIELDS(ALL)`.
        bounded: bool,
    },
    /// `COUNT()`.
    Count,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Filter {
    pub(crate) field: String,
    pub(crate) comparison: Comparison,
    /// One literal; any number for `IN`.
    pub(crate) values: Vec<Literal>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Literal {
    Text(String),
    Number(f64),
    Time(Timestamp),
    Truth(bool),
    Null,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OrderBy {
    pub(crate) field: String,
    pub(crate) direction: Direction,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Ascending,
    Descending,
}

/// Parses a query.
///
/// # Errors
/// `MALFORMED_QUERY` for text that is not SOQL, or not in the subset.
pub(crate) fn parse(text: &str) -> Result<Select> {
    let mut parser = Parser { tokens: tokens(text)?, next: 0 };
    parser.keyword("SELECT")?;
    let columns = parser.columns()?;
    parser.keyword("FROM")?;
    let mut select =
        Select { columns, from: parser.word()?, filters: Vec::new(), order: Vec::new(), limit: None, offset: 0 };
    if parser.takes("WHERE") {
        select.filters.push(parser.filter()?);
        while parser.takes("AND") {
            select.filters.push(parser.filter()?);
        }
    }
    if parser.takes("GROUP") {
        return Err(Refusal::malformed("GROUP BY is not supported here"));
    }
    if parser.takes("ORDER") {
        parser.keyword("BY")?;
        select.order.push(parser.order_by()?);
        while parser.takes_token(&Token::Comma) {
            select.order.push(parser.order_by()?);
        }
    }
    if parser.takes("LIMIT") {
        select.limit = Some(parser.number()?);
    }
    if parser.takes("OFFSET") {
        select.offset = parser.number()?;
    }
    match parser.peek() {
        None => Ok(select),
        Some(token) => Err(Refusal::malformed(format!("unexpected token: {token}"))),
    }
}

struct Parser {
    tokens: Vec<Token>,
    next: usize,
}

impl Parser {
    fn columns(&mut self) -> Result<Columns> {
        let mut names = Vec::new();
        loop {
            let name = self.word()?;
            if self.takes_token(&Token::Open) {
                let argument = if self.peek() == Some(&Token::Close) { String::new() } else { self.word()? };
                self.expect(&Token::Close)?;
                return match (name.to_ascii_uppercase().as_str(), argument.to_ascii_uppercase().as_str()) {
                    ("FIELDS", "ALL") => Ok(Columns::All { bounded: true }),
                    ("FIELDS", "STANDARD") => Ok(Columns::All { bounded: false }),
                    ("COUNT", "") => Ok(Columns::Count),
                    _ => Err(Refusal::malformed(format!("{name} is not supported here"))),
                };
            }
            names.push(name);
            if !self.takes_token(&Token::Comma) {
                return Ok(Columns::Named(names));
            }
        }
    }

    fn filter(&mut self) -> Result<Filter> {
        let field = self.word()?;
        if self.takes("IN") {
            self.expect(&Token::Open)?;
            let mut values = vec![self.literal()?];
            while self.takes_token(&Token::Comma) {
                values.push(self.literal()?);
            }
            self.expect(&Token::Close)?;
            return Ok(Filter { field, comparison: Comparison::In, values });
        }
        let comparison = match self.take() {
            Some(Token::Sign(sign)) => match sign.as_str() {
                "=" => Comparison::Equal,
                "!=" | "<>" => Comparison::Unequal,
                "<" => Comparison::Less,
                "<=" => Comparison::LessOrEqual,
                ">" => Comparison::Greater,
                ">=" => Comparison::GreaterOrEqual,
                _ => return Err(Refusal::malformed(format!("unexpected token: {sign}"))),
            },
            token => return Err(unexpected(token)),
        };
        Ok(Filter { field, comparison, values: vec![self.literal()?] })
    }

    fn literal(&mut self) -> Result<Literal> {
        match self.take() {
            Some(Token::Text(text)) => Ok(Literal::Text(text)),
            Some(Token::Word(word)) => literal(&word).ok_or_else(|| unexpected(Some(Token::Word(word)))),
            token => Err(unexpected(token)),
        }
    }

    fn order_by(&mut self) -> Result<OrderBy> {
        let field = self.word()?;
        let direction = if self.takes("DESC") {
            Direction::Descending
        } else {
            self.takes("ASC");
            Direction::Ascending
        };
        if self.takes("NULLS") && !self.takes("FIRST") {
            self.keyword("LAST")?;
        }
        Ok(OrderBy { field, direction })
    }

    fn number(&mut self) -> Result<usize> {
        let word = self.word()?;
        word.parse().map_err(|_| unexpected(Some(Token::Word(word))))
    }

    fn word(&mut self) -> Result<String> {
        match self.take() {
            Some(Token::Word(word)) => Ok(word),
            token => Err(unexpected(token)),
        }
    }

    fn keyword(&mut self, keyword: &str) -> Result<()> {
        if self.takes(keyword) { Ok(()) } else { Err(unexpected(self.peek().cloned())) }
    }

    fn takes(&mut self, keyword: &str) -> bool {
        let is_next = matches!(self.peek(), Some(Token::Word(word)) if word.eq_ignore_ascii_case(keyword));
        self.next += usize::from(is_next);
        is_next
    }

    fn takes_token(&mut self, token: &Token) -> bool {
        let is_next = self.peek() == Some(token);
        self.next += usize::from(is_next);
        is_next
    }

    fn expect(&mut self, token: &Token) -> Result<()> {
        if self.takes_token(token) { Ok(()) } else { Err(unexpected(self.peek().cloned())) }
    }

    fn take(&mut self) -> Option<Token> {
        let token = self.peek().cloned();
        self.next += 1;
        token
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next)
    }
}

fn literal(word: &str) -> Option<Literal> {
    match word.to_ascii_lowercase().as_str() {
        "null" => return Some(Literal::Null),
        "true" => return Some(Literal::Truth(true)),
        "false" => return Some(Literal::Truth(false)),
        _ => {}
    }
    if let Ok(number) = word.parse() {
        return Some(Literal::Number(number));
    }
    // Dates without a time are not in the subset, and SOQL itself refuses an offset without a colon.
    word.contains('T').then(|| Timestamp::parse(word)).flatten().map(Literal::Time)
}

fn unexpected(token: Option<Token>) -> Refusal {
    match token {
        Some(token) => Refusal::malformed(format!("unexpected token: {token}")),
        None => Refusal::malformed("unexpected end of query"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_clause_is_parsed() {
        let text = "select Id, Profile.Name from User where Name = 'O\\'Neil' and Score>=0.5 AND Id IN ('a','b') \
                    and IsActive = TRUE AND ProfileId != null order by Name desc nulls last, Id limit 10 offset 20";
        let filter = |field: &str, comparison, values: Vec<Literal>| Filter { field: field.into(), comparison, values };
        let text_literal = |text: &str| Literal::Text(text.into());
        let expected = Select {
            columns: Columns::Named(vec!["Id".into(), "Profile.Name".into()]),
            from: "User".into(),
            filters: vec![
                filter("Name", Comparison::Equal, vec![text_literal("O'Neil")]),
                filter("Score", Comparison::GreaterOrEqual, vec![Literal::Number(0.5)]),
                filter("Id", Comparison::In, vec![text_literal("a"), text_literal("b")]),
                filter("IsActive", Comparison::Equal, vec![Literal::Truth(true)]),
                filter("ProfileId", Comparison::Unequal, vec![Literal::Null]),
            ],
            order: vec![
                OrderBy { field: "Name".into(), direction: Direction::Descending },
                OrderBy { field: "Id".into(), direction: Direction::Ascending },
            ],
            limit: Some(10),
            offset: 20,
        };
        assert_eq!(parse(text), Ok(expected));
    }

    #[test]
    fn only_salesforces_forms_of_times_are_accepted() {
        let value =
            |text: &str| parse(&format!("SELECT Id FROM X WHERE D > {text}")).map(|mut it| it.filters.remove(0));
        let time = Literal::Time(Timestamp(1_767_225_600_000));
        for text in ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00.000Z", "2026-01-01T01:00:00+01:00"] {
            assert_eq!(value(text).unwrap().values, std::slice::from_ref(&time), "{text}");
        }
        for text in ["2026-01-01T00:00:00+0000", "2026-01-01T00:00:00", "2026-01-01", "2026-01-01T00:00:00 00:00"] {
            assert_eq!(value(text).unwrap_err().code, "MALFORMED_QUERY", "{text}");
        }
    }
}
