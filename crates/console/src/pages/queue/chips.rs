//! Views and filters of the queue, each as a link.

use super::TO_DO;
use crate::pages::Fields;

/// A view that is always there.
pub(super) struct View {
    pub(super) name: &'static str,
    pub(super) path: String,
    pub(super) is_current: bool,
}

/// A filter in force.
pub(super) struct Chip {
    pub(super) key: &'static str,
    pub(super) value: String,
    /// The list without it.
    pub(super) path: String,
}

/// What the keys of the list are called.
const NAMES: [(&str, &str); 16] = [
    ("org", "org"),
    ("user", "account"),
    ("status", "status"),
    ("severity", "severity"),
    ("disposition", "said to be"),
    ("detector", "detector"),
    ("object", "object"),
    ("resource", "report or view"),
    ("address", "address"),
    ("app", "app"),
    ("client", "client"),
    ("assignee", "assigned to"),
    ("q", "words"),
    ("since", "since"),
    ("until", "until"),
    ("changed", "changed since you looked"),
];

/// Returns the views, for a person with a name.
pub(super) fn views(fields: &Fields, person: &str) -> Vec<View> {
    let of = |pairs: &[(&str, &str)]| pairs.iter().fold(Fields::default(), |all, (key, value)| all.with(key, value));
    let own = fields.without("sort").without("cursor");
    let view = |name, pairs: &[(&str, &str)]| {
        let wanted = of(pairs);
        let is_current = wanted == own;
        let wanted = fields.get("sort").map_or(wanted.clone(), |sort| wanted.with("sort", sort));
        View { name, path: format!("/?{wanted}"), is_current }
    };
    vec![
        view("To do", &[("status", TO_DO)]),
        view("Mine", &[("status", TO_DO), ("assignee", person)]),
        view("Changed", &[("status", TO_DO), ("changed", "true")]),
        view("Resolved", &[("status", "resolved")]),
        view("All", &[("status", "open,acknowledged,resolved,withdrawn")]),
    ]
}

/// Returns the filters that were asked for.
pub(super) fn chips(asked: &Fields) -> Vec<Chip> {
    let named = |key: &str| NAMES.into_iter().find(|(own, _)| *own == key).map(|(_, name)| name);
    let chip = |(key, value): (&str, &str)| {
        let rest = asked.without(key).without("cursor");
        Some(Chip { key: named(key)?, value: value.replace(',', ", ").replace('_', " "), path: format!("/?{rest}") })
    };
    asked.pairs().filter_map(chip).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chip_leads_to_the_list_without_it() {
        let chips = chips(&Fields::of("severity=high&q=export&sort=latest&cursor=x"));
        let found: Vec<(&str, &str)> = chips.iter().map(|chip| (chip.key, chip.path.as_str())).collect();
        assert_eq!(found, [("severity", "/?q=export&sort=latest"), ("words", "/?severity=high&sort=latest")]);
    }

    #[test]
    fn the_view_that_is_shown_is_marked() {
        let fields = Fields::of("status=open,acknowledged&sort=latest");
        let views = views(&fields, "anna");
        let current: Vec<&str> = views.iter().filter(|view| view.is_current).map(|view| view.name).collect();
        assert_eq!(current, ["To do"]);
        assert!(views.iter().all(|view| view.path.contains("sort=latest")));
    }
}
