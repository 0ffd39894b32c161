"""The dashboard: one file a page; what pages share stands in pages/parts."""
