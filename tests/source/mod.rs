//! Parser of the part of Rust's grammar that shows which paths a file refers to, on top of a tokeniser.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// Path that a file refers to.
pub struct Reference {
    /// Line of its first word, from 1.
    pub line: usize,
    /// From the root of its crate, at least one word.
    pub target: Vec<String>,
}

/// Every path in `text` that starts with `root`, and, if the file's own module is given, with `self` or `super`. Each
/// leaf of a `use` list counts separately.
pub fn references(text: &str, root: &str, module: &[String]) -> Vec<Reference> {
    let mut found = vec![];
    for tokens in runs(text) {
        for (at, token) in tokens.iter().enumerate() {
            let inside = at > 1 && path_goes_on(&tokens, at - 2);
            let TokenTree::Ident(word) = token else { continue };
            let base = match word.to_string().as_str() {
                word if word == root => &[],
                "self" if !module.is_empty() => module,
                "super" if !module.is_empty() => &module[..module.len() - 1],
                _ => continue,
            };
            if !inside && path_goes_on(&tokens, at + 1) {
                let line = token.span().start().line;
                let leaves = leaves(&tokens[at + 3..], base.to_vec()).into_iter().filter(|target| !target.is_empty());
                found.extend(leaves.map(|target| Reference { line, target }));
            }
        }
    }
    found
}

/// Modules that the rows of a registry name: `"pipe" => pipes::pipe::Pipe` names `pipes::pipe`.
pub fn row_modules(text: &str) -> Vec<Vec<String>> {
    let mut found = vec![];
    for tokens in runs(text) {
        for at in 3..tokens.len() {
            let row = matches!(tokens[at - 3], TokenTree::Literal(_)) && is(&tokens, at - 2, "=");
            if row && is(&tokens, at - 1, ">") && path_goes_on(&tokens, at + 1) {
                let mut path = leaves(&tokens[at..], vec![]).swap_remove(0);
                path.pop();
                found.push(path);
            }
        }
    }
    found
}

/// True if an attribute allows unsafe code.
pub fn allows_unsafe(text: &str) -> bool {
    runs(text).iter().any(|tokens| {
        tokens.windows(2).any(|pair| match pair {
            [TokenTree::Ident(lifts), TokenTree::Group(list)] => {
                ["allow", "expect", "warn"].iter().any(|word| lifts == word) && names_unsafe_code(list)
            }
            _ => false,
        })
    })
}

/// True if the code has an unsafe block, function, implementation or trait.
pub fn uses_unsafe(text: &str) -> bool {
    runs(text).iter().flatten().any(|token| matches!(token, TokenTree::Ident(word) if word == "unsafe"))
}

fn names_unsafe_code(list: &Group) -> bool {
    list.stream().into_iter().any(|token| matches!(token, TokenTree::Ident(word) if word == "unsafe_code"))
}

/// Leaves of a path or a `use` tree, below `path`.
fn leaves(tokens: &[TokenTree], mut path: Vec<String>) -> Vec<Vec<String>> {
    match tokens.first() {
        Some(TokenTree::Ident(word)) => match word.to_string().as_str() {
            "super" => drop(path.pop()),
            "self" => {}
            word => path.push(word.to_owned()),
        },
        Some(TokenTree::Group(list)) if list.delimiter() == Delimiter::Brace => {
            let tokens: Vec<_> = list.stream().into_iter().collect();
            let branches = tokens.split(|token| matches!(token, TokenTree::Punct(comma) if comma.as_char() == ','));
            return branches
                .filter(|branch| !branch.is_empty())
                .flat_map(|branch| leaves(branch, path.clone()))
                .collect();
        }
        _ => return vec![path],
    }
    if path_goes_on(tokens, 1) { leaves(&tokens[3..], path) } else { vec![path] }
}

fn path_goes_on(tokens: &[TokenTree], at: usize) -> bool {
    is(tokens, at, ":") && is(tokens, at + 1, ":")
}

fn is(tokens: &[TokenTree], at: usize, text: &str) -> bool {
    tokens.get(at).is_some_and(|token| token.to_string() == text)
}

/// Tokens of a file, each bracketed group as a separate list, without items under `#[cfg(test)]`.
fn runs(text: &str) -> Vec<Vec<TokenTree>> {
    fn collect(stream: TokenStream, runs: &mut Vec<Vec<TokenTree>>) {
        let mut run = vec![];
        let mut tokens = stream.into_iter();
        while let Some(token) = tokens.next() {
            if let TokenTree::Group(group) = &token {
                if group.to_string().replace(' ', "") == "[cfg(test)]" {
                    // The item ends with its body, or with a semicolon if it has none.
                    tokens.find(|token| match token {
                        TokenTree::Group(body) => body.delimiter() == Delimiter::Brace,
                        other => other.to_string() == ";",
                    });
                    continue;
                }
                collect(group.stream(), runs);
            }
            run.push(token);
        }
        runs.push(run);
    }
    let mut found = vec![];
    collect(text.parse().expect("source that the compiler understands"), &mut found);
    found
}
