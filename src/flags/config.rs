//! The subcommands of `config`.

/// The subcommands of `config`.
#[derive(clap::Subcommand, Debug)]
pub enum ConfigCommand {
    /// Writes a configuration file with every key explained; never overwrites one
    Init {
        /// Prints it instead
        #[arg(long)]
        print: bool,
    },
    /// Reads the configuration and reports whether it can be used
    Check,
    /// Prints the configuration in force, secrets hidden
    Show,
    /// Prints where configuration, data and journal are
    Path,
}
