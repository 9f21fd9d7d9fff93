package image

// IsPackage reports whether owners of this kind are packages that a package
// manager has installed.
func (k OwnerKind) IsPackage() bool {
	switch k {
	case Pip, Conda, Dpkg, Apk, Rpm:
		return true
	}
	return false
}
