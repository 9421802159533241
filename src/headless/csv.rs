//! CSV, as RFC 4180 has it and as programs for tables read it.

/// A value of a line of CSV (RFC 4180). One that a spreadsheet would take for a formula is made a
/// text: names and tags are other people's.
pub(super) fn quoted(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if is_formula { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\n', '\r']) {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_cell_is_one_cell_and_no_formula() {
        for (cell, written) in [
            ("us-west-2", "us-west-2"),
            ("Failed: a, \"b\"", "\"Failed: a, \"\"b\"\"\""),
            ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
            ("", ""),
        ] {
            assert_eq!(quoted(cell), written);
        }
    }
}
