//! The tokens of pushes, and the org of each.

mod file;
mod keyring;

pub(crate) use keyring::Keyring;

use crate::Settings;
use file::TokenFile;
use model::OrgId;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

type Hash = [u8; 32];

/// The hash and the org of each token. The tokens themselves are not kept in memory.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// The tokens that the configuration itself has.
    fixed: Vec<(Hash, OrgId)>,
    files: Vec<TokenFile>,
}

/// The fewest characters of a token: shorter ones could be guessed. A choice.
const SHORTEST: usize = 16;

impl Tokens {
    /// Reads the token files, and hashes all tokens. A file that cannot be read, or has a token of another org, gives no
    /// token, and is listed by [`Tokens::unreadable`].
    ///
    /// # Errors
    /// All other problems, each with its key.
    pub fn load(settings: &Settings) -> Result<Self, Vec<String>> {
        let (mut fixed, mut errors) = (Vec::new(), Vec::new());
        for (org, of_org) in &settings.orgs {
            let id = OrgId::new(org.as_str());
            let mut take = |key: &str, hash: Result<Hash, String>| match hash {
                Ok(hash) => fixed.push((hash, id.clone())),
                Err(error) => errors.push(format!("ingest.orgs.{org}.{key}: {error}")),
            };
            for text in &of_org.token_sha256 {
                take("token_sha256", parse(text).ok_or_else(|| "not 64 hexadecimal digits".to_owned()));
            }
            for token in &of_org.tokens {
                take("tokens", hash(token));
            }
            if of_org.is_empty() {
                errors.push(format!("ingest.orgs.{org}: no token is given"));
            }
        }
        let mut tokens = Self { fixed, files: Vec::new() };
        errors.extend(tokens.shared());
        if !errors.is_empty() {
            return Err(errors);
        }
        for (org, of_org) in &settings.orgs {
            let id = OrgId::new(org.as_str());
            for path in &of_org.token_files {
                let reading = tokens.unless_shared(&id, file::read(path));
                tokens.files.push(TokenFile::new(id.clone(), path.clone(), reading));
            }
        }
        Ok(tokens)
    }

    /// Returns a text for each token file that cannot be read, with its key and path: its senders are refused.
    pub fn unreadable(&self) -> Vec<String> {
        let text = |file: &TokenFile| Some(format!("ingest.orgs.{}.token_files: {}", file.org, file.problem()?));
        self.files.iter().filter(|file| file.has_ended()).filter_map(text).collect()
    }

    /// Returns how many token files of each org cannot be read; 0 for an org of which all can be read.
    pub(crate) fn unreadable_files(&self) -> BTreeMap<&OrgId, u64> {
        let mut by_org = BTreeMap::new();
        for file in &self.files {
            *by_org.entry(&file.org).or_default() += u64::from(file.has_ended());
        }
        by_org
    }

    /// Returns whether no token is valid.
    pub(crate) fn is_empty(&self) -> bool {
        self.all().next().is_none()
    }

    /// Returns the org of a token; `None` for an unknown one. Takes the same time for every token, known or not.
    pub(crate) fn org_of(&self, token: &str) -> Option<&OrgId> {
        let hash: Hash = Sha256::digest(token.as_bytes()).into();
        let none = u64::MAX;
        let mut found = none;
        for (index, (known, _)) in (0..).zip(self.all()) {
            let is_match: Choice = known.ct_eq(&hash);
            found.conditional_assign(&index, is_match);
        }
        self.all().nth(usize::try_from(found).ok()?).map(|(_, org)| org)
    }

    /// Takes the outcome of a reading of each file, in their order.
    fn settle(&mut self, readings: Vec<Result<Hash, String>>) {
        for (at, reading) in readings.into_iter().enumerate() {
            let Some(org) = self.files.get(at).map(|file| file.org.clone()) else { return };
            let reading = self.unless_shared(&org, reading);
            if let Some(file) = self.files.get_mut(at) {
                file.settle(reading);
            }
        }
    }

    /// Turns the reading of a file of `org` into an error if its token is valid for another org.
    fn unless_shared(&self, org: &OrgId, reading: Result<Hash, String>) -> Result<Hash, String> {
        reading.and_then(|hash| match self.all().find(|(known, of)| **known == hash && *of != org) {
            Some((_, other)) => Err(format!("its token is one of {other}")),
            None => Ok(hash),
        })
    }

    /// Returns a text for each token that two orgs have.
    fn shared(&self) -> Vec<String> {
        let mut all: Vec<(&Hash, &OrgId)> = self.all().collect();
        all.sort();
        all.dedup();
        let twice = all.windows(2).filter_map(|pair| match pair {
            [(one, org), (other, same)] if one == other => Some((org, same)),
            _ => None,
        });
        twice.map(|(org, other)| format!("ingest.orgs: {org} and {other} have a token in common")).collect()
    }

    fn all(&self) -> impl Iterator<Item = (&Hash, &OrgId)> {
        let fixed = self.fixed.iter().map(|(hash, org)| (hash, org));
        fixed.chain(self.files.iter().filter_map(|file| Some((file.hash()?, &file.org))))
    }
}

fn hash(token: &SecretString) -> Result<Hash, String> {
    let token = token.expose_secret().trim();
    if token.len() < SHORTEST {
        return Err(format!("a token has fewer than {SHORTEST} characters"));
    }
    Ok(Sha256::digest(token.as_bytes()).into())
}

fn parse(hash: &str) -> Option<Hash> {
    let digits: Option<Vec<u8>> = hash.chars().map(|digit| digit.to_digit(16)?.try_into().ok()).collect();
    let digits = digits?;
    let (pairs, []) = digits.as_chunks::<2>() else { return None };
    let bytes: Vec<u8> = pairs.iter().map(|[high, low]| high << 4 | low).collect();
    bytes.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OrgSettings;

    const ONE: &str = "00D000000000001EAA";
    const OTHER: &str = "00D000000000002EAA";
    const FIRST: &str = "first-token-of-one";
    const NEXT: &str = "next-token-of-one!";

    fn settings(orgs: impl IntoIterator<Item = (&'static str, OrgSettings)>) -> Settings {
        let orgs = orgs.into_iter().map(|(id, org)| (OrgId::new(id), org)).collect();
        Settings { orgs, ..Settings::default() }
    }

    fn org(tokens: &[&str]) -> OrgSettings {
        OrgSettings { tokens: tokens.iter().map(|token| SecretString::from(*token)).collect(), ..Default::default() }
    }

    fn sha256(token: &str) -> String {
        Sha256::digest(token).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn a_token_gives_its_org_wherever_it_is_configured() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        std::fs::write(&file, format!("{NEXT}\n")).unwrap();
        let one = OrgSettings { token_sha256: vec![sha256(FIRST)], token_files: vec![file], ..Default::default() };
        let tokens = Tokens::load(&settings([(ONE, one), (OTHER, org(&["token-of-the-other"]))])).unwrap();
        let check =
            |token, expect: Option<&str>| assert_eq!(tokens.org_of(token).map(OrgId::as_str), expect, "{token}");
        check(FIRST, Some(ONE));
        check(NEXT, Some(ONE));
        check("token-of-the-other", Some(OTHER));
        check("token-of-nobody-at-all", None);
        check("", None);
        check(&sha256(FIRST), None);
    }

    #[test]
    fn an_id_of_15_characters_names_the_same_org() {
        let tokens = Tokens::load(&settings([("00Dhn0000018hrc", org(&[FIRST]))])).unwrap();
        assert_eq!(tokens.org_of(FIRST), Some(&OrgId::new("00Dhn0000018hrc")));
    }

    #[test]
    fn every_problem_is_reported_without_the_tokens() {
        let bad = OrgSettings { token_sha256: vec!["abc".to_owned(), "é".repeat(32)], ..org(&["short"]) };
        let common = "00D000000000003EAA";
        let orgs = [(ONE, bad), (OTHER, org(&[FIRST])), (common, org(&[FIRST]))];
        let errors = Tokens::load(&settings(orgs)).unwrap_err();
        insta::assert_snapshot!(errors.join("\n"), @r"
        ingest.orgs.00D000000000001EAA.token_sha256: not 64 hexadecimal digits
        ingest.orgs.00D000000000001EAA.token_sha256: not 64 hexadecimal digits
        ingest.orgs.00D000000000001EAA.tokens: a token has fewer than 16 characters
        ingest.orgs: 00D000000000002EAA and 00D000000000003EAA have a token in common
        ");
        assert!(Tokens::load(&settings([(ONE, org(&[]))])).is_err());
    }

    #[test]
    fn a_file_that_cannot_be_read_stops_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let [good, empty, missing] = [file("good", NEXT), file("empty", "\n"), folder.path().join("missing")];
        let of_files = |token_files: Vec<std::path::PathBuf>| OrgSettings { token_files, ..Default::default() };
        let tokens = Tokens::load(&settings([(ONE, of_files(vec![missing, good])), (OTHER, of_files(vec![empty]))]));
        let tokens = tokens.unwrap();
        assert_eq!(tokens.org_of(NEXT).map(OrgId::as_str), Some(ONE));
        assert_eq!(tokens.unreadable_files().into_values().collect::<Vec<_>>(), [1, 1]);
        let texts = tokens.unreadable().join("\n").replace(&folder.path().display().to_string(), "/folder");
        insta::assert_snapshot!(texts, @r"
        ingest.orgs.00D000000000001EAA.token_files: /folder/missing: No such file or directory (os error 2)
        ingest.orgs.00D000000000002EAA.token_files: /folder/empty: a token has fewer than 16 characters
        ");
    }

    #[test]
    fn a_file_with_the_token_of_another_org_stops_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let [first, same, fixed] = [file("first", NEXT), file("same", NEXT), file("fixed", FIRST)];
        let third = "00D000000000003EAA";
        let orgs = [
            (ONE, OrgSettings { token_files: vec![first, fixed], ..Default::default() }),
            (OTHER, OrgSettings { token_files: vec![same], ..Default::default() }),
            (third, org(&[FIRST])),
        ];
        let tokens = Tokens::load(&settings(orgs)).unwrap();
        assert_eq!(tokens.org_of(NEXT).map(OrgId::as_str), Some(ONE));
        assert_eq!(tokens.org_of(FIRST).map(OrgId::as_str), Some(third));
        let texts = tokens.unreadable().join("\n").replace(&folder.path().display().to_string(), "/folder");
        insta::assert_snapshot!(texts, @r"
        ingest.orgs.00D000000000001EAA.token_files: /folder/fixed: its token is one of 00D000000000003EAA
        ingest.orgs.00D000000000002EAA.token_files: /folder/same: its token is one of 00D000000000001EAA
        ");
    }
}
