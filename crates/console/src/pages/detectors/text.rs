//! What the documentation says of detectors: their pages of docs/detectors, compiled in and written as HTML.

use std::collections::BTreeMap;
use std::sync::LazyLock;

/// The documentation of a detector.
#[derive(Debug, Default)]
pub(super) struct Text {
    /// What it looks for, as plain text.
    pub(super) lead: String,
    /// Its sections.
    pub(super) sections: Vec<Section>,
}

/// A section.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) title: String,
    /// What it says, as HTML.
    pub(super) html: String,
}

impl Text {
    /// Returns what a section says, as HTML.
    pub(super) fn section(&self, title: &str) -> Option<&str> {
        self.sections.iter().find(|section| section.title == title).map(|section| section.html.as_str())
    }
}

macro_rules! pages {
    ($($name:ident),* $(,)?) => {
        [$((stringify!($name), include_str!(concat!("../../../../../docs/detectors/", stringify!($name), ".md")))),*]
    };
}

static TEXTS: LazyLock<BTreeMap<&'static str, Text>> = LazyLock::new(|| {
    let pages = pages![
        api_recon,
        app_authorized,
        blind_source,
        bulk_export,
        controls_loosened,
        dormant_account,
        failed_then_success,
        large_request,
        login_as_export,
        mass_change,
        mass_deletion,
        new_access,
        new_app,
        new_report_export,
        off_hours,
        page_crawl,
        rare_network,
        rare_user_agent,
        rights_raised,
        row_spike,
        scope_increase,
        session_hijack,
        slow_drain,
        threat_detection,
        unlike_self,
        view_burst,
    ];
    pages.into_iter().map(|(name, page)| (name, parse(page))).collect()
});

/// Returns the documentation of a detector.
pub(super) fn of(detector: &str) -> Option<&'static Text> {
    TEXTS.get(detector)
}

/// Returns what a detector looks for, as plain text.
pub(super) fn lead(detector: &str) -> &'static str {
    of(detector).map_or("", |text| &text.lead)
}

/// Reads a page of the form that all pages have: a title, a first paragraph, and sections of paragraphs, lists, quotes and
/// tables.
fn parse(page: &str) -> Text {
    let mut parts = page.split("\n## ");
    let head = parts.next().unwrap_or_default();
    let lead = blocks(head).find(|block| !block.starts_with('#') && !block.starts_with('|'));
    let section = |part: &str| {
        let (title, body) = part.split_once('\n').unwrap_or((part, ""));
        Section { title: title.trim().to_owned(), html: blocks(body).map(html).collect() }
    };
    Text { lead: without_links(&lead.unwrap_or_default().replace('\n', " ")), sections: parts.map(section).collect() }
}

/// Returns what is between empty lines.
fn blocks(text: &str) -> impl Iterator<Item = &str> {
    text.split("\n\n").map(str::trim).filter(|block| !block.is_empty())
}

fn html(block: &str) -> String {
    if block.starts_with("- ") {
        let items: String =
            block.lines().filter_map(|line| line.strip_prefix("- ")).map(|item| wrapped("li", item)).collect();
        return format!("<ul>{items}</ul>");
    }
    if block.starts_with("> ") {
        let lines: Vec<&str> = block.lines().map(|line| line.trim_start_matches('>').trim()).collect();
        return format!("<blockquote>{}</blockquote>", wrapped("p", &lines.join(" ")));
    }
    if block.starts_with('|') {
        return table(block);
    }
    // Each sentence is a line of its own in the source. Lines of a list may follow a paragraph directly.
    let (text, list): (Vec<&str>, Vec<&str>) = block.lines().partition(|line| !line.starts_with("- "));
    let list = if list.is_empty() { String::new() } else { html(&list.join("\n")) };
    wrapped("p", &text.join(" ")) + &list
}

fn table(block: &str) -> String {
    let cells = |line: &str, tag: &str| -> String {
        line.trim_matches('|').split('|').map(|cell| wrapped(tag, cell.trim())).collect()
    };
    let mut lines = block.lines();
    let head = lines.next().map(|line| cells(line, "th")).unwrap_or_default();
    let rows: String = lines.skip(1).map(|line| format!("<tr>{}</tr>", cells(line, "td"))).collect();
    format!("<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>")
}

fn wrapped(tag: &str, text: &str) -> String {
    format!("<{tag}>{}</{tag}>", inline(&without_links(text)))
}

/// Escapes text, and marks code and emphasis in it.
fn inline(text: &str) -> String {
    let mut html = String::new();
    for (index, piece) in text.split('`').enumerate() {
        let piece = piece.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        match index % 2 {
            1 => html.push_str(&format!("<code>{piece}</code>")),
            _ => html.push_str(&emphasized(&piece)),
        }
    }
    html
}

/// Marks what stands between two asterisks; other asterisks stay.
fn emphasized(text: &str) -> String {
    let pieces: Vec<&str> = text.split('*').collect();
    if pieces.len().is_multiple_of(2) {
        return text.to_owned();
    }
    let mark = |(index, piece): (usize, &&str)| match index % 2 {
        1 => format!("<em>{piece}</em>"),
        _ => (*piece).to_owned(),
    };
    pieces.iter().enumerate().map(mark).collect()
}

/// Replaces links by their text: they lead to files of the documentation.
fn without_links(text: &str) -> String {
    let (mut rest, mut plain) = (text, String::new());
    while let Some((before, after)) = rest.split_once('[') {
        plain.push_str(before);
        let link = after.split_once("](").and_then(|(label, target)| Some((label, target.split_once(')')?.1)));
        let (label, behind) = link.unwrap_or(("[", after));
        plain.push_str(label);
        rest = behind;
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_detector_has_a_page_with_the_same_sections() {
        for detector in detect::DETECTORS {
            let text = of(detector.name()).unwrap();
            assert!(text.lead.ends_with('.') && !text.lead.contains('['), "{}: {}", detector.name(), text.lead);
            for title in ["How it decides", "What it needs", "Innocent look-alikes", "What to check and do"] {
                let html = text.section(title).unwrap_or_default();
                assert!(html.starts_with('<') && !html.contains("]("), "{} {title}: {html}", detector.name());
            }
        }
    }

    #[test]
    fn what_pages_are_made_of_becomes_html() {
        let check = |block: &str, expect: &str| assert_eq!(html(block), expect);
        check("a < b\nand *not* `x*y`", "<p>a &lt; b and <em>not</em> <code>x*y</code></p>");
        check("see [`this`](that.md#x), or [no link", "<p>see <code>this</code>, or [no link</p>");
        check("Two:\n- one\n- [two](x)", "<p>Two:</p><ul><li>one</li><li>two</li></ul>");
        check("> said \"so\"", "<blockquote><p>said \"so\"</p></blockquote>");
        check("2 * 3", "<p>2 * 3</p>");
        check(
            "| key | effect |\n|---|---|\n| `a` | b |",
            "<table><thead><tr><th>key</th><th>effect</th></tr></thead><tbody><tr><td><code>a</code></td><td>b</td></tr></tbody></table>",
        );
    }
}
