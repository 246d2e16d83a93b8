//! What templates apply to values of the API.
#![expect(unreachable_pub, reason = "the macro of filters writes such items")]

use askama::Values;
use askama::filters::Safe;
use model::Timestamp;
use runtime::clock::now;
use std::fmt::Display;
use view::format;

/// Writes a time of the API; script shows it in the time zone of the browser, or in UTC.
#[askama::filter_fn]
pub(super) fn moment(text: impl AsRef<str>, _: &dyn Values) -> askama::Result<Safe<String>> {
    let text = text.as_ref();
    let at = Timestamp::parse(text);
    // What is no time is shown as it is, escaped.
    Ok(Safe(at.map_or_else(|| escaped(text), |at| format::Moment(at).to_string())))
}

/// Writes how long ago a time of the API is.
#[askama::filter_fn]
pub(super) fn ago(text: impl AsRef<str>, _: &dyn Values) -> askama::Result<String> {
    let text = text.as_ref();
    Ok(Timestamp::parse(text).map_or_else(|| text.to_owned(), |at| format::duration(now().since(at))))
}

/// Writes a count; script groups its digits as the browser's language does.
#[askama::filter_fn]
pub(super) fn count(number: impl Display, _: &dyn Values) -> askama::Result<Safe<String>> {
    let number = number.to_string().parse().map_err(askama::Error::custom)?;
    Ok(Safe(format::Count(number).to_string()))
}

/// Writes a number of any size in few digits.
#[askama::filter_fn]
pub(super) fn number(value: impl Display, _: &dyn Values) -> askama::Result<String> {
    Ok(format::number(value.to_string().parse().map_err(askama::Error::custom)?))
}

/// Writes a word of the API for people: `false_positive` as `false positive`.
#[askama::filter_fn]
pub(super) fn words(text: impl AsRef<str>, _: &dyn Values) -> askama::Result<String> {
    Ok(text.as_ref().replace('_', " "))
}

/// Writes a text for Markdown, in which it stays a text: without marks, links, tables and line breaks.
#[askama::filter_fn]
pub(super) fn plain(text: impl AsRef<str>, _: &dyn Values) -> askama::Result<String> {
    let mut plain = String::new();
    for letter in text.as_ref().chars() {
        match letter {
            '\n' | '\r' => plain.push(' '),
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#' | '~' => plain.extend(['\\', letter]),
            letter => plain.push(letter),
        }
    }
    Ok(plain)
}

fn escaped(text: &str) -> String {
    askama::filters::escape(text, askama::filters::Html).map_or_else(|_| String::new(), |text| text.to_string())
}
