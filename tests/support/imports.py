"""Which module of the package imports which, and whether such arrows lead in a circle."""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path

import grimp


def imports_of_the_package():
    """Return module -> modules it imports, imports for types and inside functions included."""
    graph = grimp.build_graph("nbdissect", exclude_type_checking_imports=False, cache_dir=None)
    return {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}


def circles(arrows):
    """Return the strongly connected components of more than one node, or of one that points to itself.

    arrows : node -> nodes it points to. R. Tarjan, "Depth-first search and linear graph algorithms", 1972.
    """
    order, lowest, stack, found = {}, {}, [], []

    def visit(node):
        order[node] = lowest[node] = len(order)
        stack.append(node)
        for other in sorted(arrows.get(node, ())):
            if other not in order:
                visit(other)
                lowest[node] = min(lowest[node], lowest[other])
            elif other in stack:
                lowest[node] = min(lowest[node], order[other])
        if lowest[node] == order[node]:
            at = stack.index(node)
            component = sorted(stack[at:])
            del stack[at:]
            if len(component) > 1 or node in arrows.get(node, ()):
                found.append(component)

    for node in sorted(arrows):
        if node not in order:
            visit(node)
    return found


def imported_when_loaded(module):
    """Return the names that a module imports as it is loaded: neither for types alone nor inside a function."""
    tree = ast.parse(Path(importlib.util.find_spec(module).origin).read_text(encoding="utf-8"))
    found = set()

    def visit(nodes):
        for node in nodes:
            if isinstance(node, ast.ImportFrom):
                found.add(node.module)
                found.update(f"{node.module}.{alias.name}" for alias in node.names)
            elif isinstance(node, ast.Import):
                found.update(alias.name for alias in node.names)
            elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
                visit(node.orelse)
            elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                visit(ast.iter_child_nodes(node))

    visit(tree.body)
    return found
