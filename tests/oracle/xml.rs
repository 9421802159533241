//! A small tree of XML, as EC2 writes it: elements and texts, no attributes that matter.

use std::collections::BTreeMap;
use std::fmt;

/// An element.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) name: String,
    /// Its text, where nothing is in it.
    pub(super) text: String,
    pub(super) inside: Vec<Element>,
}

impl Element {
    pub(super) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    pub(super) fn with_text(name: &str, text: &str) -> Self {
        Self { text: text.to_owned(), ..Self::new(name) }
    }

    /// Reads a document.
    pub(super) fn parse(document: &str) -> Self {
        let mut open = vec![Self::new("")];
        for piece in document.split('<').skip(1) {
            let (tag, text) = piece.split_once('>').expect("a tag that ends");
            if tag.starts_with(['?', '!']) {
                continue;
            }
            if tag.starts_with('/') {
                let closed = open.pop().unwrap();
                open.last_mut().expect("a root").inside.push(closed);
                continue;
            }
            let name = tag.split([' ', '/']).next().unwrap();
            let element = Self::with_text(name, &unescape(text.trim()));
            if tag.ends_with('/') {
                open.last_mut().unwrap().inside.push(element);
            } else {
                open.push(element);
            }
        }
        open.pop().unwrap().inside.pop().expect("an element")
    }

    /// The first element of this name, at any depth.
    pub(super) fn find(&self, name: &str) -> Option<&Self> {
        if self.name == name {
            return Some(self);
        }
        self.inside.iter().find_map(|it| it.find(name))
    }

    /// The same, made where there is none.
    pub(super) fn child_mut(&mut self, name: &str) -> &mut Self {
        let at = self.inside.iter().position(|it| it.name == name).unwrap_or_else(|| {
            self.inside.push(Self::new(name));
            self.inside.len() - 1
        });
        &mut self.inside[at]
    }

    /// Where everything is in it, `instancesSet/item/placement/tenancy`, with all texts that stand
    /// there.
    pub(super) fn members(&self) -> BTreeMap<String, Vec<String>> {
        let mut members = BTreeMap::new();
        self.collect("", &mut members);
        members
    }

    fn collect(&self, at: &str, members: &mut BTreeMap<String, Vec<String>>) {
        for element in &self.inside {
            let at =
                if at.is_empty() { element.name.clone() } else { format!("{at}/{}", element.name) };
            let texts: &mut Vec<String> = members.entry(at.clone()).or_default();
            if element.inside.is_empty() {
                texts.push(element.text.clone());
            }
            element.collect(&at, members);
        }
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>{}", self.name, escape(&self.text))?;
        self.inside.iter().try_for_each(|it| it.fmt(f))?;
        write!(f, "</{}>", self.name)
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn unescape(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#13;", "\r")
        .replace("&amp;", "&")
}
