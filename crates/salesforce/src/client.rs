//! Recognizes clients from user agents and login fields, without versions.

use crate::json::keys::Xxh3;
use model::Text;
use std::collections::HashMap;
use std::hash::BuildHasherDefault;

/// The fields of a record that describe its client, as they came.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Hints<'a> {
    pub(crate) user_agent: Option<&'a str>,
    /// `Chrome 110`, or a whole user agent.
    pub(crate) browser: Option<&'a str>,
    /// `Windows 10`.
    pub(crate) platform: Option<&'a str>,
    pub(crate) client: Option<&'a str>,
    pub(crate) application: Option<&'a str>,
}

/// Recognizes clients.
///
/// A chunk has few distinct user agents, each many times, so results are cached.
#[derive(Default)]
pub(crate) struct Clients {
    of_user_agents: HashMap<Box<str>, Option<Text>, BuildHasherDefault<Xxh3>>,
}

impl Clients {
    /// Returns the client: "Chrome on macOS", "python-requests", "Salesforce mobile"; `None` if it is not recognized.
    ///
    /// The fields of a login and the user agent of later requests from the same browser give the same text.
    pub(crate) fn recognize(&mut self, hints: &Hints<'_>) -> Option<Text> {
        hints
            .user_agent
            .and_then(|user_agent| self.of_user_agent(user_agent))
            .or_else(|| from_parts(hints.browser?, hints.platform))
            .or_else(|| hints.client.and_then(from_user_agent))
            .or_else(|| hints.application.and_then(salesforce).map(Text::const_new))
    }

    fn of_user_agent(&mut self, user_agent: &str) -> Option<Text> {
        if let Some(known) = self.of_user_agents.get(user_agent) {
            return known.clone();
        }
        let client = from_user_agent(user_agent);
        self.of_user_agents.insert(user_agent.into(), client.clone());
        client
    }
}

/// Recognizes Salesforce's own clients.
fn salesforce(text: &str) -> Option<&'static str> {
    let has = |words: &[&str]| words.iter().any(|word| contains(text, word));
    if has(&[
        "SalesforceMobile",
        "Salesforce1",
        "Salesforce for iOS",
        "Salesforce for Android",
        "SalesforceTouch",
        "Chatter Mobile",
    ]) {
        Some("Salesforce mobile")
    } else if has(&["DataLoader", "Data Loader"]) {
        Some("Data Loader")
    } else {
        None
    }
}

/// Recognizes the client that sent a user agent.
fn from_user_agent(text: &str) -> Option<Text> {
    if let Some(name) = salesforce(text) {
        return Some(Text::const_new(name));
    }
    if text.starts_with("Mozilla/") || text.starts_with("Opera/") {
        return Some(on(browser(text).unwrap_or("Browser"), system(text)));
    }
    product(text)
}

/// Recognizes the browser and platform of a login. The browser field may hold a whole user agent.
fn from_parts(text: &str, platform: Option<&str>) -> Option<Text> {
    if text.contains('/') || salesforce(text).is_some() {
        return from_user_agent(text);
    }
    match browser(text) {
        Some(browser) => Some(on(browser, platform.and_then(system))),
        None => product(text),
    }
}

fn on(browser: &str, system: Option<&str>) -> Text {
    match system {
        Some(system) => compact(&[browser, " on ", system]),
        None => Text::new(browser),
    }
}

fn compact(parts: &[&str]) -> Text {
    parts.iter().fold(Text::default(), |mut text, part| {
        text.push_str(part);
        text
    })
}

/// Marks of browsers, most specific first, since most user agents name other browsers too.
const BROWSERS: [(&str, &str); 17] = [
    ("HeadlessChrome", "Headless Chrome"),
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("EdgiOS", "Edge"),
    ("Edge", "Edge"),
    ("OPR/", "Opera"),
    ("Opera", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("CriOS", "Chrome"),
    ("Chrome", "Chrome"),
    ("Chromium", "Chrome"),
    ("FxiOS", "Firefox"),
    ("Firefox", "Firefox"),
    ("Safari", "Safari"),
    ("Trident", "Internet Explorer"),
    ("MSIE", "Internet Explorer"),
    ("Internet Explorer", "Internet Explorer"),
];

/// Marks of operating systems, most specific first.
const SYSTEMS: [(&str, &str); 13] = [
    ("iPhone", "iOS"),
    ("iPad", "iOS"),
    ("iOS", "iOS"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("ChromeOS", "ChromeOS"),
    ("Chrome OS", "ChromeOS"),
    ("Mac", "macOS"),
    ("OSX", "macOS"),
    ("OS X", "macOS"),
    ("Linux", "Linux"),
    ("X11", "Linux"),
];

fn browser(text: &str) -> Option<&'static str> {
    BROWSERS.iter().find(|(mark, _)| contains(text, mark)).map(|(_, name)| *name)
}

fn system(text: &str) -> Option<&'static str> {
    SYSTEMS.iter().find(|(mark, _)| contains(text, mark)).map(|(_, name)| *name)
}

/// Returns the first product of a user agent without its version: `Python-httplib2` of `Python-httplib2/0.19.0 (gzip)`.
///
/// A slash separates a version only if a digit follows: names of programs may contain slashes.
fn product(text: &str) -> Option<Text> {
    let end = text.find(['(', ';', ',']).unwrap_or(text.len());
    let head = text.get(..end)?.trim();
    let is_version = |word: &str| word.trim_start_matches(['v', 'V']).starts_with(|c: char| c.is_ascii_digit());
    let mut name = Text::default();
    for word in head.split_ascii_whitespace() {
        let (product, version) = word.rsplit_once('/').unwrap_or((word, ""));
        let word = if is_version(version) { product } else { word };
        if is_version(word) {
            break;
        }
        if !name.is_empty() {
            name.push(' ');
        }
        name.push_str(word);
        if is_version(version) {
            break;
        }
    }
    let name = crate::record::cut(&name, 64);
    let is_placeholder =
        name.is_empty() || ["unknown", "n/a", "null"].iter().any(|word| name.eq_ignore_ascii_case(word));
    (!is_placeholder).then(|| Text::new(name))
}

fn contains(text: &str, word: &str) -> bool {
    memchr::memmem::find(text.as_bytes(), word.as_bytes()).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(hints: &Hints<'_>) -> Option<Text> {
        Clients::default().recognize(hints)
    }

    const MAC_CHROME: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/110.0.0.0 Safari/537.36";

    #[test]
    fn clients_without_versions() {
        let check = |text, expect: Option<&str>| assert_eq!(from_user_agent(text).as_deref(), expect, "{text}");
        let windows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/111.0 Safari/537.36 Edg/111.0";
        let iphone = "Mozilla/5.0 (iPhone; CPU iPhone OS 16_3 like Mac OS X) AppleWebKit/605.1 (KHTML, like Gecko) Version/16.3 Mobile/15E148 Safari/604.1";
        check(MAC_CHROME, Some("Chrome on macOS"));
        check(windows, Some("Edge on Windows"));
        check(iphone, Some("Safari on iOS"));
        check("Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/110.0", Some("Firefox on Linux"));
        check("SalesforceMobileSDK/9.1.1 iOS/15.2 (iPhone) Salesforce1/238", Some("Salesforce mobile"));
        check("python-requests/2.28.2", Some("python-requests"));
        check("Python-httplib2/0.19.0 (gzip)", Some("Python-httplib2"));
        check("curl/7.85.0", Some("curl"));
        check("Java/1.8.0_345", Some("Java"));
        check("Java (Salesforce.com)", Some("Java"));
        check("Go-http-client/1.1", Some("Go-http-client"));
        check("DataLoaderPartnerUI/57.0.1", Some("Data Loader"));
        check("vendor/integration_app", Some("vendor/integration_app"));
        check("Acme Sync 4.2", Some("Acme Sync"));
        check("13047000", None);
        check("9998.0", None);
        check("Unknown", None);
        check("", None);
    }

    #[test]
    fn a_login_and_a_request_of_one_browser_agree() {
        let login = Hints {
            browser: Some("Chrome 110"),
            platform: Some("Mac OSX"),
            application: Some("Browser"),
            ..Hints::default()
        };
        let log_file = Hints { browser: Some(MAC_CHROME), ..Hints::default() };
        let call = Hints { user_agent: Some(MAC_CHROME), ..Hints::default() };
        assert_eq!(client(&login).as_deref(), Some("Chrome on macOS"));
        assert_eq!(client(&login), client(&call));
        assert_eq!(client(&log_file), client(&call));
    }

    #[test]
    fn placeholders_are_not_clients() {
        assert_eq!(client(&Hints::default()), None);
        let blank =
            Hints { browser: Some("Unknown"), platform: Some("Unknown"), client: Some("N/A"), ..Hints::default() };
        assert_eq!(client(&blank), None);
        let loader = Hints { application: Some("Salesforce for iOS"), ..Hints::default() };
        assert_eq!(client(&loader).as_deref(), Some("Salesforce mobile"));
    }
}
