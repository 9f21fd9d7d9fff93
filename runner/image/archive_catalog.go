package image

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
)

// A Descriptor names a blob (OCI image specification).
type Descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int64             `json:"size"`
	Platform    *Platform         `json:"platform,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// A Platform is what an image is for, as Go names it.
type Platform struct {
	Architecture string `json:"architecture"`
	OS           string `json:"os"`
}

// A catalog collects what an archive describes. It reads no document twice,
// however many others lead to it.
type catalog struct {
	documents map[string][]byte
	images    []*archived
	byConfig  map[string]*archived // by name of the configuration's file
	byID      map[string]*archived
	visited   map[string]bool // digests of manifests and indexes
	missing   error           // what was led to and is not there, as is right of other platforms
}

// images are those that an archive describes, the one that want names by digest
// included.
func (a *Archive[T]) images(want string) ([]*archived, error) {
	c := &catalog{documents: a.documents, byConfig: make(map[string]*archived), byID: make(map[string]*archived), visited: make(map[string]bool)}
	var index manifest
	if b, ok := a.documents["index.json"]; ok {
		if err := json.Unmarshal(b, &index); err != nil {
			return nil, fmt.Errorf("index.json: %w", err)
		}
	}
	// The containerd image store calls an image by its manifest or index.
	for _, d := range append(index.Manifests, Descriptor{Digest: want}) {
		if err := c.follow(d, nil, nil); err != nil {
			return nil, err
		}
	}
	var described []struct {
		Config   string
		RepoTags []string
		Layers   []string
	}
	if b, ok := a.documents["manifest.json"]; ok {
		if err := json.Unmarshal(b, &described); err != nil {
			return nil, fmt.Errorf("manifest.json: %w", err)
		}
	}
	for _, d := range described {
		if err := c.add(path.Clean(d.Config), d.RepoTags, nil, d.Layers); err != nil {
			return nil, err
		}
	}
	if len(c.images) == 0 {
		return nil, c.missing
	}
	return c.images, nil
}

// maxIndexes is how many indexes may lead to a manifest.
const maxIndexes = 8

// A manifest is an image's, or an index of such.
type manifest struct {
	Config    Descriptor
	Layers    []Descriptor
	Manifests []Descriptor
}

func blobName(digest string) string {
	return "blobs/" + strings.ReplaceAll(digest, ":", "/")
}

// follow adds the images that a descriptor leads to, through indexes of these
// digests.
func (c *catalog) follow(d Descriptor, names, digests []string) error {
	b, ok := c.documents[blobName(d.Digest)]
	// An attestation says how an image was built, and looks like one.
	if !ok || c.visited[d.Digest] || d.Annotations["vnd.docker.reference.type"] != "" || d.Platform != nil && d.Platform.OS == "unknown" {
		return nil
	}
	c.visited[d.Digest] = true
	if found := fmt.Sprintf("sha256:%x", sha256.Sum256(b)); found != d.Digest {
		return fmt.Errorf("%s is not what it is called: its digest is %s", blobName(d.Digest), found)
	}
	// A name without a tag is one of containerd's, the other often just a tag.
	if name := cmp.Or(d.Annotations["io.containerd.image.name"], d.Annotations["org.opencontainers.image.ref.name"]); name != "" {
		names = append(slices.Clone(names), name)
	}
	digests = append(slices.Clone(digests), d.Digest)
	var m manifest
	if err := json.Unmarshal(b, &m); err != nil {
		return fmt.Errorf("%s: %w", d.Digest, err)
	}
	if len(digests) < maxIndexes {
		for _, below := range m.Manifests {
			if err := c.follow(below, names, digests); err != nil {
				return err
			}
		}
	}
	if m.Config.Digest == "" {
		return nil
	}
	var layers []string
	for _, l := range m.Layers {
		layers = append(layers, blobName(l.Digest))
	}
	return c.add(blobName(m.Config.Digest), names, digests, layers)
}

// add adds an image, or what more is known of one.
func (c *catalog) add(config string, names, digests, layers []string) error {
	i, ok := c.byConfig[config]
	if !ok {
		b, ok := c.documents[config]
		if !ok {
			c.missing = fmt.Errorf("the configuration %s is missing", config)
			return nil
		}
		id := fmt.Sprintf("sha256:%x", sha256.Sum256(b))
		if i, ok = c.byID[id]; !ok {
			i = &archived{id: id, config: b, layers: layers}
			if err := json.Unmarshal(b, &i.Platform); err != nil {
				return fmt.Errorf("its configuration: %w", err)
			}
			c.images, c.byID[id] = append(c.images, i), i
		}
		c.byConfig[config] = i
	}
	i.names, i.digests = append(i.names, names...), append(i.digests, digests...)
	return nil
}
