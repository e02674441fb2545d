// SPDX-License-Identifier: MIT

// Package ext takes the place of a module of Traefik that its own go.mod replaces by a folder, which the module proxy
// does not have: two empty structs that builds with extensions fill.
package ext

// HTTP would add members to the http section of a dynamic configuration.
type HTTP struct{}

// Router would add members to a router.
type Router struct{}
