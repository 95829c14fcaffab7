"""Charts as SVG for pages: draws the part of Vega-Lite that ``chart_spec`` lists, and no other."""
