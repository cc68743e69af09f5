//! The example configuration with every key explained, as `config init` writes it.

/// The text of `config.example.toml`.
pub const EXAMPLE: &str = include_str!("../../config.example.toml");

#[cfg(test)]
mod tests {
    use super::super::schema;
    use super::EXAMPLE;

    #[test]
    fn the_example_is_read_as_it_is() {
        schema::read(EXAMPLE, "config.example.toml").expect("the example is good");
    }

    /// Returns the example with every key uncommented. The example comments out keys that have no default and keys that
    /// are an alternative to another key.
    fn switched_on() -> String {
        EXAMPLE
            .lines()
            .map(|line| match line.strip_prefix("# ") {
                Some(rest)
                    if rest.starts_with('[')
                        || rest.split_once(" = ").is_some_and(|(key, _)| is_key(key)) =>
                {
                    rest
                }
                _ => line,
            })
            .fold(String::new(), |text, line| text + line + "\n")
    }

    #[test]
    fn the_example_is_read_with_every_key_switched_on() {
        schema::read(&switched_on(), "config.example.toml").expect("the example is good with every key on");
    }

    fn is_key(word: &str) -> bool {
        !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c == '_')
    }

    /// The error for an unknown key lists the known keys of that section. Each of them must be in the same section of
    /// the example.
    #[test]
    fn every_key_of_the_schema_is_in_its_section_of_the_example() {
        let example: toml::Table = switched_on().parse().expect("TOML");
        for section in
            ["", "org", "org.oauth", "poll", "hook", "readiness", "journal", "ui", "snapshot", "team"]
        {
            let text =
                if section.is_empty() { "zzz = 1".to_owned() } else { format!("[{section}]\nzzz = 1") };
            let error = schema::read(&text, "x").expect_err("zzz is no key").to_string();
            let known: Vec<&str> = error.split('`').skip(3).step_by(2).collect();
            assert!(!known.is_empty(), "{error}");
            let mut shown = &example;
            for name in section.split('.').filter(|name| !name.is_empty()) {
                shown = shown[name].as_table().expect("a section");
            }
            for key in known {
                assert!(shown.contains_key(key), "[{section}] {key} is missing in config.example.toml");
            }
        }
    }
}
