//! Writing XML as EC2 writes it: elements in elements, lists as `<item>`s.

use std::fmt::Display;

use crate::demo::world::resource::Tags;

/// A piece of a document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Xml(String);

impl Xml {
    /// `<tag>value</tag>`.
    pub(super) fn text(&mut self, tag: &str, value: impl Display) -> &mut Self {
        self.open(tag);
        escape(&value.to_string(), &mut self.0);
        self.close(tag)
    }

    /// The same, where there is a value.
    pub(super) fn maybe(&mut self, tag: &str, value: Option<impl Display>) -> &mut Self {
        if let Some(value) = value {
            self.text(tag, value);
        }
        self
    }

    /// `<tag>...</tag>`.
    pub(super) fn group(&mut self, tag: &str, inside: impl FnOnce(&mut Self)) -> &mut Self {
        self.open(tag);
        inside(self);
        self.close(tag)
    }

    /// `<tag><item>...</item><item>...</item></tag>`.
    pub(super) fn list<T>(
        &mut self,
        tag: &str,
        items: impl IntoIterator<Item = T>,
        mut each: impl FnMut(&mut Self, T),
    ) -> &mut Self {
        self.group(tag, |list| {
            for item in items {
                list.group("item", |inside| each(inside, item));
            }
        })
    }

    /// `<tagSet>`, by key.
    pub(super) fn tags(&mut self, tags: &Tags) -> &mut Self {
        self.list("tagSet", tags, |item, (key, value)| {
            item.text("key", key).text("value", value);
        })
    }

    /// The same of what has no such list where it has no tags.
    pub(super) fn tags_if_any(&mut self, tags: &Tags) -> &mut Self {
        if tags.is_empty() { self } else { self.tags(tags) }
    }

    /// A text of its own, in a list of texts.
    pub(super) fn bare(&mut self, value: &str) {
        escape(value, &mut self.0);
    }

    /// What EC2 says where there is nothing else to say.
    pub(super) fn done() -> Self {
        let mut xml = Self::default();
        xml.text("return", true);
        xml
    }

    /// The document's text.
    pub(super) fn into_text(self) -> String {
        self.0
    }

    fn open(&mut self, tag: &str) {
        self.0.push('<');
        self.0.push_str(tag);
        self.0.push('>');
    }

    fn close(&mut self, tag: &str) -> &mut Self {
        self.0.push_str("</");
        self.0.push_str(tag);
        self.0.push('>');
        self
    }
}

/// What XML 1.0 has no place for becomes the replacement character.
fn escape(text: &str, into: &mut String) {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b" -_./:=+,".contains(&byte);
    if text.bytes().all(plain) {
        into.push_str(text);
        return;
    }
    for c in text.chars() {
        match c {
            '&' => into.push_str("&amp;"),
            '<' => into.push_str("&lt;"),
            '>' => into.push_str("&gt;"),
            '"' => into.push_str("&quot;"),
            '\r' => into.push_str("&#13;"),
            '\n' | '\t' => into.push(c),
            c if c.is_control() || ['\u{fffe}', '\u{ffff}'].contains(&c) => into.push('\u{fffd}'),
            c => into.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_break_out_of_its_element() {
        let mut xml = Xml::default();
        xml.group("a", |a| {
            a.text("b", "<x> & \"y\"\u{1}\r\n").maybe("c", None::<&str>);
        });
        assert_eq!(xml.into_text(), "<a><b>&lt;x&gt; &amp; &quot;y&quot;\u{fffd}&#13;\n</b></a>");
    }

    #[test]
    fn lists_are_made_of_items() {
        let mut xml = Xml::default();
        xml.tags(&[("k".to_owned(), "v".to_owned())].into());
        assert_eq!(xml.into_text(), "<tagSet><item><key>k</key><value>v</value></item></tagSet>");
    }
}
