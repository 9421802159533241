//! The files of the AWS CLI as Python's configparser reads them for botocore: colons and equals signs,
//! values over several lines, comments on lines of their own. Kinder than that in four ways: a byte
//! order mark is passed over, what stands twice is merged, the last one wins, and a line that cannot be
//! read harms its own section alone.

use std::collections::BTreeMap;

/// A section: its settings by their names in lower case.
pub(super) type Settings = BTreeMap<String, String>;

/// One file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Ini {
    /// The sections by their headers, in the order of the file.
    pub sections: Vec<(String, Settings)>,
    /// What cannot be read: the line's number, and the header of the section that it stands in.
    pub wrong: Vec<(usize, Option<String>)>,
}

/// What is read of a file so far.
#[derive(Debug, Default)]
struct Reader {
    ini: Ini,
    /// The setting that a deeper line goes on with.
    open: Option<String>,
    /// How deep the last line of its own stood.
    indent: usize,
}

impl Ini {
    /// Reads a file's text.
    pub(super) fn read(text: &str) -> Self {
        let mut reader = Reader::default();
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for (at, line) in text.lines().enumerate() {
            reader.line(at + 1, line);
        }
        for (_, settings) in &mut reader.ini.sections {
            for value in settings.values_mut() {
                value.truncate(value.trim_end().len());
            }
        }
        reader.ini
    }
}

impl Reader {
    fn line(&mut self, number: usize, line: &str) {
        let text = line.trim();
        if text.is_empty() {
            // It belongs to a value that goes on behind it.
            self.go_on("");
            return;
        }
        if text.starts_with(['#', ';']) {
            return;
        }
        let indent = line.len() - line.trim_start().len();
        if self.open.is_some() && indent > self.indent {
            self.go_on(text);
            return;
        }
        self.indent = indent;
        if let Some(header) = header(text) {
            self.enter(header);
        } else if !self.set(text) {
            let section = self.ini.sections.last().map(|(header, _)| header.clone());
            self.ini.wrong.push((number, section));
            self.open = None;
        }
    }

    fn enter(&mut self, header: &str) {
        self.open = None;
        let sections = &mut self.ini.sections;
        let known = sections.iter().position(|(known, _)| known == header);
        // The last one wins, so it stands last.
        let entry = known.map(|at| sections.remove(at));
        sections.push(entry.unwrap_or_else(|| (header.to_owned(), Settings::new())));
    }

    /// A line of its own; `false` where it is no setting.
    fn set(&mut self, text: &str) -> bool {
        let Some((_, settings)) = self.ini.sections.last_mut() else { return false };
        let Some((name, value)) = text.split_once(['=', ':']) else { return false };
        let name = name.trim().to_lowercase();
        if name.is_empty() {
            return false;
        }
        settings.insert(name.clone(), value.trim().to_owned());
        self.open = Some(name);
        true
    }

    /// A line that belongs to the value before it.
    fn go_on(&mut self, text: &str) {
        let Some(name) = &self.open else { return };
        let Some((_, settings)) = self.ini.sections.last_mut() else { return };
        if let Some(value) = settings.get_mut(name) {
            value.push('\n');
            value.push_str(text);
        }
    }
}

/// What stands between the first bracket and the last one of a line that begins with one.
fn header(text: &str) -> Option<&str> {
    let inside = text.strip_prefix('[')?;
    let end = inside.rfind(']')?;
    Some(&inside[..end]).filter(|header| !header.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str, name: &str) -> Option<String> {
        Ini::read(text).sections.first()?.1.get(name).cloned()
    }

    /// As configparser has it, by running Python 3.11's on each of these.
    #[test]
    fn lines_are_read_as_python_reads_them() {
        for (text, region) in [
            ("[default]\nregion = us-west-2", "us-west-2"),
            ("[default]\n  region = us-west-2", "us-west-2"),
            ("[default]\nregion: us-west-2", "us-west-2"),
            ("[default]\r\nREGION=us-west-2\r\n", "us-west-2"),
            ("\u{feff}[default]\nregion = us-west-2", "us-west-2"),
            ("[default]\nregion = us-west-2\n  # the cheap one", "us-west-2"),
            ("[default]\nregion = us-west-2 # not cut", "us-west-2 # not cut"),
            ("[default]\nregion = us-west-2\n  and more", "us-west-2\nand more"),
            ("[default] and more\nregion = us-west-2", "us-west-2"),
            ("  [default]\nregion = us-west-2", "us-west-2"),
            ("[default]\nregion = a = b:c", "a = b:c"),
            ("[default]\nregion = eu-west-1\nregion = us-west-2", "us-west-2"),
            ("[default]\nregion = us-west-2\n[default]\noutput = json", "us-west-2"),
        ] {
            assert_eq!(value(text, "region").as_deref(), Some(region), "{text}");
        }
        let nested = "[default]\ns3 =\n  a = b\n  c = d\n\nregion = x";
        assert_eq!(value(nested, "s3").as_deref(), Some("\na = b\nc = d"));
        assert_eq!(value(nested, "region").as_deref(), Some("x"));
    }

    #[test]
    fn a_line_that_is_none_harms_its_section_alone() {
        let ini = Ini::read("nowhere\n[a]\nno setting\nregion = x\n[b]\nregion = y\n= z");
        let wrong = [(1, None), (3, Some("a".to_owned())), (7, Some("b".to_owned()))];
        assert_eq!(ini.wrong, wrong);
        assert_eq!(ini.sections.len(), 2);
    }
}
