package image

// An OwnerKind is what sort of thing owns a file.
type OwnerKind string

// The kinds, in the order in which they claim files: a file of a pip package
// is that package's, though it lies in a folder of a dpkg package.
const (
	Pip         OwnerKind = "pip"
	Conda       OwnerKind = "conda"
	Dpkg        OwnerKind = "dpkg"
	Apk         OwnerKind = "apk"
	Rpm         OwnerKind = "rpm"
	CUDA        OwnerKind = "cuda"        // a toolkit that no package manager brought
	Weights     OwnerKind = "weights"     // model weights
	Cache       OwnerKind = "cache"       // what package managers left: lists, archives, wheels
	Application OwnerKind = "application" // what was copied in by the Dockerfile's author
	Unowned     OwnerKind = "unowned"
)

// An Owner is whom files belong to.
type Owner struct {
	Kind    OwnerKind `json:"kind"`
	Name    string    `json:"name"` // of a package; else a word or a folder
	Version string    `json:"version,omitempty"`
}

// Owned is what an owner has in an image.
type Owned struct {
	Owner
	Files  int   `json:"files"`
	Bytes  int64 `json:"bytes"`        // in all layers; the sum over owners is the image's size
	Wasted int64 `json:"wasted_bytes"` // of these, what is hidden by later layers
}

// Owners say of every file of an index whom it belongs to.
type Owners struct {
	All []Owned // largest first
	of  []int32 // place in All by place in Files
}

// Of is the owner of the file at this place in Files.
func (o *Owners) Of(i int) Owner { return o.All[o.of[i]].Owner }

// IsPackage reports whether owners of this kind are packages that a package
// manager has installed.
func (k OwnerKind) IsPackage() bool {
	switch k {
	case Pip, Conda, Dpkg, Apk, Rpm:
		return true
	}
	return false
}
