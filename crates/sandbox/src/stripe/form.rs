//! The vendor's form encoding: bracketed names become a tree, `line_items[0][price_data][currency]=usd`.
//! Knows shapes only; what a parameter means is read by [`super::params`].
use super::refusal::Refusal;

/// More than any request of the API needs; keeps a hostile one small.
const MOST_DEPTH: usize = 8;

#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    Text(String),
    /// In the order they came. A list is a tree whose names are numbers, or `[]`, which counts by itself.
    Tree(Vec<(String, Node)>),
}

/// Reads a query or a body.
pub fn parse(encoded: &[u8]) -> Result<Node, Refusal> {
    let mut root = Node::Tree(Vec::new());
    for (name, value) in url::form_urlencoded::parse(encoded) {
        let path = segments(&name).ok_or_else(|| Refusal::invalid(format!("Invalid parameter name: {name}")))?;
        insert(&mut root, &path, value.into_owned(), &name)?;
    }
    Ok(root)
}

/// `a[b][]` → `a`, `b`, ``.
fn segments(name: &str) -> Option<Vec<&str>> {
    let (first, mut rest) = match name.find('[') {
        Some(at) => name.split_at(at),
        None => (name, ""),
    };
    let mut path = vec![first];
    while !rest.is_empty() {
        let (inside, after) = rest.strip_prefix('[')?.split_once(']')?;
        path.push(inside);
        rest = after;
    }
    (!first.is_empty() && path.len() <= MOST_DEPTH).then_some(path)
}

fn insert(node: &mut Node, path: &[&str], value: String, name: &str) -> Result<(), Refusal> {
    let Node::Tree(children) = node else { return Err(both(name)) };
    let Some((first, rest)) = path.split_first() else { return Err(both(name)) };
    let key = if first.is_empty() { children.len().to_string() } else { (*first).to_owned() };
    let known = children.iter().position(|(known, _)| *known == key);
    if rest.is_empty() {
        return match known {
            Some(_) => Err(both(name)),
            None => {
                children.push((key, Node::Text(value)));
                Ok(())
            }
        };
    }
    let at = known.unwrap_or_else(|| {
        children.push((key, Node::Tree(Vec::new())));
        children.len() - 1
    });
    insert(&mut children[at].1, rest, value, name)
}

fn both(name: &str) -> Refusal {
    Refusal::invalid(format!("Invalid request: {name} is given twice, or both as a value and as a list.")).about(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> Node {
        Node::Text(value.to_owned())
    }

    #[test]
    fn brackets_become_a_tree_and_empty_ones_count() {
        let read = parse(b"a[b][0][c]=1&a[b][1][c]=2&t[]=x&t[]=y&plain=%C3%A9").unwrap();
        let tree = |pairs: &[(&str, Node)]| {
            Node::Tree(pairs.iter().map(|(name, node)| ((*name).to_owned(), node.clone())).collect())
        };
        let items = tree(&[("0", tree(&[("c", text("1"))])), ("1", tree(&[("c", text("2"))]))]);
        let wanted =
            [("a", tree(&[("b", items)])), ("t", tree(&[("0", text("x")), ("1", text("y"))])), ("plain", text("é"))];
        assert_eq!(read, tree(&wanted));
    }

    #[test]
    fn a_value_that_is_also_a_list_is_refused() {
        for broken in ["a=1&a[b]=2", "a[b]=2&a=1", "a=1&a=2", "a[b=1", "[a]=1", "a[b]c=1"] {
            assert_eq!(parse(broken.as_bytes()).unwrap_err().status, 400, "{broken}");
        }
    }
}
