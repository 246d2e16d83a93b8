//! Dead letters: messages and records that could not be processed, what they say, and their replay.

use super::shell::{Section, Shell};
use super::{Asker, Page, filters, links, render};
use crate::body::{ContentBody, LetterBody};
use crate::routes::letters;
use askama::Template;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use serde_json::Value;

/// The longest content that the page shows, in characters. A choice: the API has all of it.
const SHOWN: usize = 100_000;

#[derive(Template)]
#[template(path = "letters.html", whitespace = "minimize")]
struct Letters {
    shell: Shell,
    letters: Vec<LetterBody>,
    stage: Option<String>,
    /// The letter that was just replayed.
    replayed: Option<u64>,
    is_later: bool,
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "letter.html", whitespace = "minimize")]
struct Letter {
    shell: Shell,
    letter: LetterBody,
    content: String,
    /// Whether there is more than is shown.
    is_cut: bool,
    purpose: Purpose,
}

/// What a page of a letter is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Read,
    AskReplay,
}

impl Letter {
    fn is_asking(&self) -> bool {
        self.purpose == Purpose::AskReplay
    }
}

/// Serves the list.
pub(super) async fn list(asker: Asker) -> Page {
    let asked = asker.query.only(&["stage", "cursor"]);
    let page = letters::list(asker.state(), asker.visitor().await?, Ok(asked.query()?)).await?.0;
    render(&Letters {
        shell: Shell::of(&asker, Section::Letters),
        next: page.next_cursor.map(|cursor| format!("/letters?{}", asked.with("cursor", &cursor))),
        letters: page.items,
        stage: asked.get("stage").map(str::to_owned),
        replayed: asker.query.get("replayed").and_then(|number| number.parse().ok()),
        is_later: asked.get("cursor").is_some(),
    })
}

/// Serves a letter with what it says.
pub(super) async fn one(asker: Asker, sequence: Result<Path<u64>, PathRejection>) -> Page {
    show(&asker, sequence, Purpose::Read).await
}

/// Asks whether a letter is to be replayed.
pub(super) async fn ask(asker: Asker, sequence: Result<Path<u64>, PathRejection>) -> Page {
    show(&asker, sequence, Purpose::AskReplay).await
}

/// Replays a letter, and goes back to the list.
pub(super) async fn replay(asker: Asker, sequence: Result<Path<u64>, PathRejection>) -> Page {
    let replayed = letters::replay(asker.state(), asker.visitor().await?, sequence).await?.0;
    let location = links::with("/letters", "replayed", &replayed.sequence.to_string());
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response())
}

async fn show(asker: &Asker, sequence: Result<Path<u64>, PathRejection>, purpose: Purpose) -> Page {
    let ContentBody { letter, content } = letters::one(asker.state(), asker.visitor().await?, sequence).await?.0;
    let text = text(&content);
    let shown: String = text.chars().take(SHOWN).collect();
    let is_cut = shown.len() < text.len();
    render(&Letter { shell: Shell::of(asker, Section::Letters), letter, content: shown, is_cut, purpose })
}

/// Returns what a letter says: the text of a record as it is, and everything else as indented JSON.
fn text(content: &Value) -> String {
    match content.as_object().filter(|keys| keys.len() == 1).and_then(|keys| keys.get("text")) {
        Some(Value::String(text)) => text.clone(),
        _ => serde_json::to_string_pretty(content).unwrap_or_else(|_| content.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_record_is_shown_as_it_is_and_a_message_as_json() {
        assert_eq!(text(&json!({ "text": "a,\"b\"" })), "a,\"b\"");
        assert_eq!(text(&json!({ "undecodable": "no" })), "{\n  \"undecodable\": \"no\"\n}");
    }
}
