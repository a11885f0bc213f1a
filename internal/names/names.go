// Package names finds vendors' ids for the names an application uses.
package names

import "strings"

// Lookup finds the id for name in a table. A name with a colon is explicit:
// the vendor before it, the id behind it. It returns false for a name without
// a row; for the empty name it returns the row "" or, without one, "" and true.
func Lookup(table map[string]string, vendor, name string) (string, bool) {
	if id, ok := table[name]; ok {
		return id, id != "" || name == ""
	}
	if prefix, id, explicit := strings.Cut(name, ":"); explicit {
		return id, prefix == vendor && id != ""
	}
	return "", name == ""
}
