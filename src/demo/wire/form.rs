//! Reading a query request: `Action=DescribeVpcs&Filter.1.Name=vpc-id&Filter.1.Value.1=vpc-1`.

use std::collections::BTreeMap;
use std::str::FromStr;

use crate::demo::world::Refusal;

/// The parameters of a request, or of one part of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Form(BTreeMap<String, String>);

impl Form {
    /// Decodes a body. What is not UTF-8 or badly encoded is kept as well as it can be.
    pub(super) fn parse(body: &[u8]) -> Self {
        let pairs = body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()).map(|pair| {
            let at = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
            (decode(&pair[..at]), decode(pair.get(at + 1..).unwrap_or_default()))
        });
        Self(pairs.collect())
    }

    /// A form with these parameters.
    pub(super) fn of(pairs: BTreeMap<String, String>) -> Self {
        Self(pairs)
    }

    /// All parameters.
    pub(super) fn into_pairs(self) -> BTreeMap<String, String> {
        self.0
    }

    /// The parts of one structure: `Name.Part` and its like, without `Name`.
    pub(super) fn part(&self, name: &str) -> Self {
        let parts = self.under(name).map(|(key, value)| (key.to_owned(), value.to_owned()));
        Self(parts.collect())
    }

    /// Puts a parameter in.
    pub(super) fn set(&mut self, name: &str, value: &str) {
        self.0.insert(name.to_owned(), value.to_owned());
    }

    /// A parameter.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A parameter that has to be there.
    pub(super) fn need(&self, name: &str) -> Result<&str, Refusal> {
        self.get(name).filter(|value| !value.is_empty()).ok_or_else(|| Refusal::missing(name))
    }

    /// `true` or `false`.
    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, Refusal> {
        match self.get(name) {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(other) => Err(Refusal::value(format!(
                "Invalid value '{other}' for {name}. It has to be true or false"
            ))),
        }
    }

    /// Anything that can be read from text.
    pub(super) fn value<T: FromStr>(&self, name: &str) -> Result<Option<T>, Refusal> {
        let Some(text) = self.get(name) else { return Ok(None) };
        text.parse()
            .map(Some)
            .map_err(|_| Refusal::value(format!("Value ({text}) for parameter {name} is invalid.")))
    }

    /// The parts of a list of structures: `Filter.1.Name`, `Filter.1.Value.1`, `Filter.2...`, in
    /// the order of their numbers.
    pub(super) fn items(&self, name: &str) -> Vec<Self> {
        let mut items: BTreeMap<u32, Self> = BTreeMap::new();
        for (rest, value) in self.under(name) {
            let (number, rest) = rest.split_once('.').unwrap_or((rest, ""));
            if let Ok(number) = number.parse() {
                items.entry(number).or_default().0.insert(rest.to_owned(), value.to_owned());
            }
        }
        items.into_values().collect()
    }

    /// A list of texts: `InstanceId.1`, `InstanceId.2`.
    pub(super) fn list(&self, name: &str) -> Vec<String> {
        self.items(name).into_iter().filter_map(|mut item| item.0.remove("")).collect()
    }

    /// The names of the parameters, up to their first point.
    pub(super) fn roots(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(|key| key.split('.').next().unwrap_or(key))
    }

    /// Everything but these, as pairs: what a client token stands for.
    pub(super) fn without<'a>(
        &'a self,
        names: &'a [&str],
    ) -> impl Iterator<Item = (&'a str, &'a str)> {
        let pairs = self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        pairs.filter(move |(key, _)| {
            !names.contains(key) && !names.iter().any(|name| key.ends_with(&format!(".{name}")))
        })
    }

    fn under<'a>(&'a self, name: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let start = format!("{name}.");
        let from = self.0.range(start.clone()..);
        from.map_while(move |(key, value)| Some((key.strip_prefix(&start)?, value.as_str())))
    }
}

fn decode(text: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        let byte = text[at];
        let encoded = (byte == b'%')
            .then(|| std::str::from_utf8(text.get(at + 1..at + 3)?).ok())
            .flatten()
            .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(encoded.unwrap_or(if byte == b'+' { b' ' } else { byte }));
        at += if encoded.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_lists_and_structures_are_read() {
        let form = Form::parse(
            b"Action=X&A.2.Name=b&A.10.Name=c&A.1.Name=a&A.1.Value.1=1%2F2&Id.1=x+y&Id.2=%C3%A9&F=true",
        );
        let names: Vec<String> =
            form.items("A").iter().map(|item| item.need("Name").unwrap().to_owned()).collect();
        assert_eq!(names, ["a", "b", "c"]);
        assert_eq!(form.items("A")[0].list("Value"), ["1/2"]);
        assert_eq!(form.list("Id"), ["x y", "\u{e9}"]);
        assert_eq!(form.flag("F"), Ok(Some(true)));
        assert!(form.flag("Action").is_err());
        assert_eq!(form.value::<u32>("None"), Ok(None));
        assert!(form.value::<u32>("Action").is_err());
    }

    #[test]
    fn rubbish_is_kept_as_it_is() {
        for body in [&b"%"[..], b"%zz=%4", b"&&=&", b"a=\xff%ff", b"A.x.y=1", b"=.=.%00"] {
            let form = Form::parse(body);
            form.items("A");
            form.list("a");
        }
        assert_eq!(Form::parse(b"a=100%&b=%+1").get("a"), Some("100%"));
        assert_eq!(Form::parse(b"b=%+1").get("b"), Some("% 1"));
    }
}
