//! What all pages share: navigation, who is signed in, and what was just decided.

use super::asker::Asker;
use super::assets;
use axum::http::{HeaderName, header};
use store::Role;

/// What all pages share.
pub(super) struct Shell {
    /// Who is signed in.
    pub(super) name: Option<String>,
    /// Their highest role.
    pub(super) role: &'static str,
    current: Option<Section>,
    /// The path of the page with its query.
    path: String,
    /// The decisions that were just recorded, to take back.
    pub(super) decided: Vec<String>,
    /// Whether the decisions are not applied yet.
    pub(super) is_waiting: bool,
    /// Sent along with forms, so that one that is sent twice decides once.
    pub(super) key: String,
    /// Whether the session administers all orgs.
    is_of_all: bool,
}

/// A part of the navigation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    Queue,
    Leaders,
    FirstTimes,
    Detectors,
    Decisions,
    Sources,
    Letters,
    Settings,
    Audit,
    Sessions,
}

impl Section {
    /// In the order of the navigation.
    const ALL: [Self; 10] = [
        Self::Queue,
        Self::Leaders,
        Self::FirstTimes,
        Self::Detectors,
        Self::Decisions,
        Self::Sources,
        Self::Letters,
        Self::Settings,
        Self::Audit,
        Self::Sessions,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Queue => "Incidents",
            Self::Leaders => "Leader board",
            Self::FirstTimes => "First times",
            Self::Detectors => "Detectors",
            Self::Decisions => "Decisions",
            Self::Sources => "Sources",
            Self::Letters => "Dead letters",
            Self::Settings => "Settings",
            Self::Audit => "Audit trail",
            Self::Sessions => "Access",
        }
    }

    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Queue => "/",
            Self::Leaders => "/leaders",
            Self::FirstTimes => "/first-times",
            Self::Detectors => "/detectors",
            Self::Decisions => "/decisions",
            Self::Sources => "/sources",
            Self::Letters => "/letters",
            Self::Settings => "/settings",
            Self::Audit => "/audit",
            Self::Sessions => "/sessions",
        }
    }

    /// The letter that goes there after `g`.
    pub(super) fn key(self) -> char {
        match self {
            Self::Queue => 'i',
            Self::Leaders => 'l',
            Self::FirstTimes => 'f',
            Self::Detectors => 'd',
            Self::Decisions => 'c',
            Self::Sources => 's',
            Self::Letters => 'x',
            Self::Settings => 't',
            Self::Audit => 'a',
            Self::Sessions => 'e',
        }
    }

    /// Whether only administrators may see it.
    fn is_for_administrators(self) -> bool {
        matches!(self, Self::Audit | Self::Sessions)
    }
}

impl Shell {
    /// Returns the shell of a page for who asks.
    pub(super) fn of(asker: &Asker, current: impl Into<Option<Section>>) -> Self {
        let session = &asker.session;
        Self {
            name: Some(session.name.clone()),
            role: session.highest_role().map_or("", Role::as_str),
            current: current.into(),
            path: asker.path.clone(),
            decided: asker.decided.ids.clone(),
            is_waiting: asker.decided.is_waiting,
            key: asker.key.clone(),
            is_of_all: session.roles.get("*") == Some(&Role::Administrator),
        }
    }

    /// Returns the shell with another path to come back to.
    pub(super) fn leading_back(self, path: &str) -> Self {
        Self { path: path.to_owned(), ..self }
    }

    /// Returns the shell of a page for anybody.
    pub(super) fn without_session() -> Self {
        Self {
            name: None,
            role: "",
            current: None,
            path: "/".to_owned(),
            decided: Vec::new(),
            is_waiting: false,
            key: String::new(),
            is_of_all: false,
        }
    }

    /// Returns the sections that the session may see.
    pub(super) fn sections(&self) -> impl Iterator<Item = Section> {
        let is_administrator = self.role == Role::Administrator.as_str();
        let is_of_all = self.is_of_all;
        Section::ALL.into_iter().filter(move |section| match section {
            // Letters may be of any org.
            Section::Letters => is_of_all,
            section => is_administrator || !section.is_for_administrators(),
        })
    }

    pub(super) fn is_current(&self, section: &Section) -> bool {
        self.current.as_ref() == Some(section)
    }

    pub(super) fn asset(&self, name: &str) -> String {
        assets::path(name)
    }

    /// Returns the path to come back to after a form was sent.
    pub(super) fn back(&self) -> String {
        self.path.clone()
    }
}

/// What a page may load and do: only what this console serves. Script cannot be written into it.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// Returns the headers of a page.
pub(super) fn headers() -> [(HeaderName, &'static str); 2] {
    // Where a page came from stays within this console.
    [(header::CONTENT_SECURITY_POLICY, POLICY), (header::REFERRER_POLICY, "same-origin")]
}
