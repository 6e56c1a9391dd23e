"""What people see: the gallery, the run while it computes, plots, summaries, pages without a kernel.

In: results. Out: widgets, HTML, figures; `protocol` lists every message that crosses to the page.
The page's half is in `js/src`; `static` holds what is built from it.
Called by the methods of results that show something, by `magic`, and by `api` for progress.
"""
