//! Finds which file uses which item. It parses the sources and resolves every path to the file that defines the item,
//! through `super`, imports and re-exports.
//!
//! Method calls are not found, since only the compiler knows the type.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, ImplItem, Item, UseTree};

/// The crates that a path can begin with, besides those of Cargo.toml.
const STANDARD: [&str; 3] = ["std", "core", "alloc"];
/// The most imports that are followed for one path.
const DEPTH_MAX: usize = 32;

/// What each file uses. Files are named by their path inside `src`.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    /// The files that define what a file uses, without itself.
    pub(crate) files: BTreeMap<String, BTreeSet<String>>,
    /// The full paths of items of other crates that a file uses, such as `std::fs::File::open`.
    pub(crate) foreign: BTreeMap<String, BTreeSet<String>>,
    /// The files or folders of modules that are compiled only for tests, without `.rs`.
    pub(crate) tests: BTreeSet<String>,
    /// The full paths of our items that a file uses, such as `crate::clock::Clock`.
    pub(crate) ours: BTreeMap<String, BTreeSet<String>>,
}

impl Graph {
    /// Resolves all paths in files, which are given by their path inside `src`. `crates` are the dependencies' names.
    ///
    /// # Panics
    /// A module has no file.
    pub(crate) fn of(sources: &BTreeMap<String, Code>, crates: &[String]) -> Self {
        let mut house = House { sources, crates, modules: Vec::new(), tests: BTreeSet::new() };
        for root in ["lib.rs", "main.rs"] {
            house.load(root, None, root.trim_end_matches(".rs"));
        }
        let mut graph = Self { tests: house.tests.clone(), ..Self::default() };
        for (id, module) in house.modules.iter().enumerate() {
            let files = graph.files.entry(module.file.clone()).or_default();
            let foreign = graph.foreign.entry(module.file.clone()).or_default();
            let ours = graph.ours.entry(module.file.clone()).or_default();
            for path in &module.code.named {
                match house.resolve(id, path, 0) {
                    Some(Found::Item { file, path }) => {
                        if file != module.file {
                            files.insert(file);
                        }
                        ours.insert(path);
                    }
                    Some(Found::Foreign(path)) => {
                        foreign.insert(path);
                    }
                    Some(Found::Module(_)) | None => {}
                }
            }
            for target in module.code.imports.iter().filter(|import| import.name.is_none()) {
                if let Some(Found::Module(all)) = house.resolve(id, &target.path, 0) {
                    let file = &house.modules[all].file;
                    if *file != module.file {
                        files.insert(file.clone());
                    }
                }
            }
        }
        graph
    }

    /// Returns the cycles: sets of two or more files that all depend on each other.
    pub(crate) fn circles(&self) -> BTreeSet<BTreeSet<String>> {
        let reach: BTreeMap<&String, BTreeSet<&String>> =
            self.files.keys().map(|file| (file, self.reached(file))).collect();
        let is_back = |file: &String, other: &String| reach.get(other).is_some_and(|all| all.contains(file));
        reach
            .iter()
            .map(|(file, all)| {
                all.iter().filter(|other| is_back(file, other)).map(|other| (**other).clone()).collect()
            })
            .filter(|circle: &BTreeSet<String>| circle.len() > 1)
            .collect()
    }

    fn reached(&self, from: &str) -> BTreeSet<&String> {
        let mut seen = BTreeSet::new();
        let mut next: Vec<&String> = self.files.get(from).into_iter().flatten().collect();
        while let Some(file) = next.pop() {
            if seen.insert(file) {
                next.extend(self.files.get(file).into_iter().flatten());
            }
        }
        seen
    }
}

/// One module: a file, or a block inside one.
#[derive(Debug)]
struct Module<'a> {
    file: String,
    /// Its full path, such as `crate::okta::poller`.
    path: String,
    parent: Option<usize>,
    children: BTreeMap<String, usize>,
    code: &'a Code,
}

/// What the items of one module define and use, without items that are compiled only for tests.
#[derive(Clone, Debug, Default)]
pub(crate) struct Code {
    /// The modules that it declares, with the code of inline ones.
    modules: Vec<(String, Option<Code>)>,
    test_modules: Vec<String>,
    items: BTreeSet<String>,
    imports: Vec<Import>,
    /// Every path that occurs, as it is spelled.
    named: BTreeSet<Vec<String>>,
}

impl Code {
    /// Reads a file.
    pub(crate) fn read(text: &str) -> syn::Result<Self> {
        Ok(Self::of(&syn::parse_file(text)?.items))
    }

    fn of(items: &[Item]) -> Self {
        let mut reading = Reading::default();
        for item in items {
            match item {
                Item::Mod(inner) if is_test(&inner.attrs) => {
                    reading.code.test_modules.push(inner.ident.to_string());
                }
                Item::Mod(inner) => {
                    let code = inner.content.as_ref().map(|(_, items)| Self::of(items));
                    reading.code.modules.push((inner.ident.to_string(), code));
                }
                item => reading.visit_item(item),
            }
        }
        reading.code
    }
}

/// One name that a `use` imports, or without a name, all names of a module.
#[derive(Clone, Debug)]
struct Import {
    name: Option<String>,
    path: Vec<String>,
}

/// The target of a path.
#[derive(Debug)]
enum Found {
    Module(usize),
    Item { file: String, path: String },
    Foreign(String),
}

struct House<'a> {
    sources: &'a BTreeMap<String, Code>,
    crates: &'a [String],
    modules: Vec<Module<'a>>,
    tests: BTreeSet<String>,
}

impl<'a> House<'a> {
    /// Adds a file and the files of its modules. Returns its module.
    fn load(&mut self, file: &str, parent: Option<usize>, name: &str) -> usize {
        let code = self.sources.get(file).unwrap_or_else(|| panic!("{file} is missing"));
        self.add(file, parent, name, code)
    }

    fn add(&mut self, file: &str, parent: Option<usize>, name: &str, code: &'a Code) -> usize {
        let id = self.modules.len();
        let path = parent.map_or("crate".to_owned(), |id| format!("{}::{name}", self.modules[id].path));
        self.modules.push(Module { file: file.to_owned(), path, parent, children: BTreeMap::new(), code });
        for (name, inner) in &code.modules {
            let child = match inner {
                Some(inner) => self.add(file, Some(id), name, inner),
                None => self.load(&self.file_of(file, id, name), Some(id), name),
            };
            self.modules[id].children.insert(name.clone(), child);
        }
        let tests: Vec<_> = code.test_modules.iter().map(|name| self.place_of(file, id, name)).collect();
        self.tests.extend(tests);
        id
    }

    /// Returns the file of a module that is declared in another file.
    fn file_of(&self, file: &str, parent: usize, name: &str) -> String {
        let place = self.place_of(file, parent, name);
        let flat = format!("{place}.rs");
        if self.sources.contains_key(&flat) { flat } else { format!("{place}/mod.rs") }
    }

    /// Returns the file's path without its ending, which is also the folder of its submodules.
    fn place_of(&self, file: &str, parent: usize, name: &str) -> String {
        // An inline module adds its name to the folder.
        let mut inline = Vec::new();
        let mut at = parent;
        while let Some(above) = self.modules[at].parent.filter(|above| self.modules[*above].file == file) {
            let path = &self.modules[at].path;
            inline.insert(0, path.rsplit("::").next().unwrap_or_default().to_owned());
            at = above;
        }
        let (folder, stem) = file.rsplit_once('/').map_or(("", file), |(folder, stem)| (folder, stem));
        let mut place: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
        if !matches!(stem, "lib.rs" | "main.rs" | "mod.rs") {
            place.push(stem.trim_end_matches(".rs"));
        }
        place.extend(inline.iter().map(String::as_str));
        place.push(name);
        place.join("/")
    }

    /// Resolves a path that occurs in a module. Returns `None` for a name that no module defines, such as a local
    /// variable.
    fn resolve(&self, from: usize, path: &[String], depth: usize) -> Option<Found> {
        if depth > DEPTH_MAX {
            return None;
        }
        let (first, rest) = path.split_first()?;
        let root = |mut id: usize| {
            while let Some(parent) = self.modules[id].parent {
                id = parent;
            }
            id
        };
        match first.as_str() {
            "crate" => self.walk(root(from), rest, depth),
            "consentwatch" => self.walk(0, rest, depth),
            "self" => self.walk(from, rest, depth),
            "super" => {
                let parent = self.modules[from].parent?;
                match rest.first().map(String::as_str) {
                    Some("super") => self.resolve(parent, rest, depth + 1),
                    _ => self.walk(parent, rest, depth),
                }
            }
            name => self.walk(from, path, depth).or_else(|| {
                let is_crate = STANDARD.contains(&name) || self.crates.iter().any(|known| known == name);
                is_crate.then(|| Found::Foreign(path.join("::")))
            }),
        }
    }

    /// Looks up a path starting at a module.
    fn walk(&self, id: usize, path: &[String], depth: usize) -> Option<Found> {
        let Some((first, rest)) = path.split_first() else { return Some(Found::Module(id)) };
        let module = &self.modules[id];
        if let Some(child) = module.children.get(first) {
            return self.walk(*child, rest, depth);
        }
        if module.code.items.contains(first) {
            return Some(Found::Item {
                file: module.file.clone(),
                path: format!("{}::{first}", module.path),
            });
        }
        let longer = |path: &[String], rest: &[String]| [path, rest].concat();
        for import in module.code.imports.iter().filter(|import| import.name.as_ref() == Some(first)) {
            // An import such as `use serde_json;` resolves to itself.
            if import.path.first() == Some(first) && import.path.len() == 1 {
                continue;
            }
            if let Some(found) = self.resolve(id, &longer(&import.path, rest), depth + 1) {
                return Some(found);
            }
        }
        for import in module.code.imports.iter().filter(|import| import.name.is_none()) {
            if let Some(Found::Module(all)) = self.resolve(id, &import.path, depth + 1)
                && all != id
                && let Some(found) = self.walk_below(all, path, depth + 1)
            {
                return Some(found);
            }
        }
        None
    }

    fn walk_below(&self, id: usize, path: &[String], depth: usize) -> Option<Found> {
        if depth > DEPTH_MAX { None } else { self.walk(id, path, depth) }
    }
}

/// The state while code is visited.
#[derive(Debug, Default)]
struct Reading {
    code: Code,
    depth: usize,
}

impl Reading {
    fn import(&mut self, before: &[String], tree: &UseTree) {
        let with = |name: String| [before, &[name]].concat();
        match tree {
            UseTree::Path(path) => self.import(&with(path.ident.to_string()), &path.tree),
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.import(before, tree);
                }
            }
            UseTree::Glob(_) => self.code.imports.push(Import { name: None, path: before.to_vec() }),
            UseTree::Name(name) if name.ident == "self" => {
                self.add_import(before.last().cloned().unwrap_or_default(), before.to_vec());
            }
            UseTree::Name(name) => {
                let name = name.ident.to_string();
                self.add_import(name.clone(), with(name));
            }
            UseTree::Rename(rename) => {
                self.add_import(rename.rename.to_string(), with(rename.ident.to_string()));
            }
        }
    }

    fn add_import(&mut self, name: String, path: Vec<String>) {
        self.code.named.insert(path.clone());
        self.code.imports.push(Import { name: Some(name), path });
    }

    /// Finds the paths in the tokens of a macro, which have no syntax tree.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut colons = 0;
        let mut is_field = false;
        for token in tokens {
            match token {
                TokenTree::Ident(word) => {
                    if colons != 2 {
                        self.end(&mut path, is_field);
                        is_field = colons == 3;
                    }
                    path.push(word.to_string());
                    colons = 0;
                }
                TokenTree::Punct(mark) if mark.as_char() == ':' && !path.is_empty() && colons < 2 => {
                    colons += 1;
                }
                TokenTree::Punct(mark) => {
                    self.end(&mut path, is_field);
                    // The next word is a field or a method.
                    colons = if mark.as_char() == '.' { 3 } else { 0 };
                    is_field = false;
                }
                TokenTree::Group(group) => {
                    self.end(&mut path, is_field);
                    (colons, is_field) = (0, false);
                    self.tokens(group.stream());
                }
                TokenTree::Literal(_) => {
                    self.end(&mut path, is_field);
                    (colons, is_field) = (0, false);
                }
            }
        }
        self.end(&mut path, is_field);
    }

    fn end(&mut self, path: &mut Vec<String>, is_field: bool) {
        if !path.is_empty() && !is_field {
            self.code.named.insert(std::mem::take(path));
        }
        path.clear();
    }
}

impl Visit<'_> for Reading {
    fn visit_item(&mut self, item: &Item) {
        if is_test(attributes(item)) {
            return;
        }
        if self.depth == 0
            && let Some(name) = name(item)
        {
            self.code.items.insert(name);
        }
        self.depth += 1;
        match item {
            Item::Use(item) => self.import(&[], &item.tree),
            item => visit::visit_item(self, item),
        }
        self.depth -= 1;
    }

    fn visit_impl_item(&mut self, item: &ImplItem) {
        let attributes = match item {
            ImplItem::Fn(item) => &item.attrs,
            ImplItem::Const(item) => &item.attrs,
            ImplItem::Type(item) => &item.attrs,
            _ => &Vec::new(),
        };
        if !is_test(attributes) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_path(&mut self, path: &syn::Path) {
        self.code.named.insert(path.segments.iter().map(|part| part.ident.to_string()).collect());
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &syn::Macro) {
        self.tokens(call.tokens.clone());
    }

    fn visit_attribute(&mut self, _: &Attribute) {}
}

fn name(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        _ => return None,
    };
    Some(ident.to_string())
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// Returns whether an item is compiled only for tests.
fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Ident>().is_ok_and(|condition| condition == "test")
    })
}
