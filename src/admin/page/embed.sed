# Turns the lines of a text file into the lines of a C string literal.
s/[\\"]/\\&/g
s/	/\\t/g
s/^/	"/
s/$/\\n"/
