"""How results are shown: in the terminal, as a picture, as a page. Loaded only when there is something to show."""
