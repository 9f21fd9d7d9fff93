package gpu

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
)

// A Host is what is known of where an image is to run. The zero value is a host
// of which nothing is known.
type Host struct {
	Driver  Driver   `json:"driver"`         // of the kernel's module
	CUDA    CUDA     `json:"cuda"`           // that the driver offers
	Devices []Device `json:"devices"`        // that containers will see; empty where they are not known
	CDI     bool     `json:"cdi,omitempty"`  // GPUs are injected by CDI, without the runtime's hook
	From    string   `json:"from,omitempty"` // where the facts are from: FromDriver or FromFlags
	Warning string   `json:"warning,omitempty"`
}

// Where the facts of a Host are from.
const (
	FromDriver = "nvml"  // NVIDIA's driver on this host
	FromFlags  = "flags" // whoever called
)

// A Class is what a GPU is sold for, on which forward compatibility depends.
type Class string

// The classes; "" is an unknown one.
const (
	DataCentre  Class = "data-centre"
	GeForce     Class = "geforce"     // and Titan
	Workstation Class = "workstation" // Quadro and RTX: select ones are forward compatible
	Jetson      Class = "jetson"
)

// The words by which a GPU's name tells its class.
var (
	geforceName    = regexp.MustCompile(`(?i)\b(geforce|titan)\b`)
	jetsonName     = regexp.MustCompile(`(?i)\b(jetson|orin|xavier|thor|tegra)\b`)
	workName       = regexp.MustCompile(`(?i)\b(rtx|quadro|nvs)\b`)
	dataCentreName = regexp.MustCompile(`(?i)^(nvidia )?(tesla\b|(g[bh][0-9]{3}|a(2|10g?|16|30|40|100|800)|h(20|100|200|800)|l(2|4|20|40s?)|b(100|200|300)|v100|t4g?|p(4|6|40|100)|m(4|6|10|40|60)|k(20|40|80))\b)`)
)

// ClassOf tells a GPU's class by its name, as NVML has it; "" where the name
// does not.
func ClassOf(name string) Class {
	name = strings.TrimSpace(name)
	switch {
	case geforceName.MatchString(name):
		return GeForce
	case jetsonName.MatchString(name):
		return Jetson
	case workName.MatchString(name):
		return Workstation
	case dataCentreName.MatchString(name):
		return DataCentre
	}
	return ""
}

// classOfBrand tells a GPU's class by its brand where its name does not; "" where
// neither does, as most brands are of several classes.
func classOfBrand(brand string) Class {
	switch brand {
	case "geforce", "geforcertx", "titan", "titanrtx":
		return GeForce
	case "quadro", "quadrortx", "nvidiartx", "nvs":
		return Workstation
	case "tesla":
		return DataCentre
	}
	return ""
}

// Complete fills in what follows from other facts: the CUDA version that the
// driver offers, each device's class. What it finds out it says.
func (h Host) Complete() Host {
	offered, least, ok := Offered(h.Driver)
	switch {
	case ok && !h.CUDA.Known():
		h.CUDA = offered
		if least {
			h.Warning = "driver " + h.Driver.String() + " is newer than those known here: it is taken to offer CUDA " + offered.String() + ", and may offer more"
		}
	case ok && h.CUDA != offered && !(least && h.CUDA.Compare(offered) > 0):
		h.Warning = "drivers like " + h.Driver.String() + " offer CUDA " + offered.String() + ", not " + h.CUDA.String() + " as is said here"
	}
	devices := make([]Device, len(h.Devices))
	for i, d := range h.Devices {
		if d.Class == "" {
			d.Class = cmp.Or(ClassOf(d.Name), classOfBrand(d.Brand))
		}
		devices[i] = d
	}
	h.Devices = devices
	return h
}

// class is the class of all devices, "" where they differ or one is not known.
func (h Host) class() Class {
	if len(h.Devices) == 0 {
		return ""
	}
	c := h.Devices[0].Class
	for _, d := range h.Devices[1:] {
		if d.Class != c {
			return ""
		}
	}
	return c
}

// has reports whether a device is of the class.
func (h Host) has(c Class) bool {
	return slices.ContainsFunc(h.Devices, func(d Device) bool { return d.Class == c })
}
