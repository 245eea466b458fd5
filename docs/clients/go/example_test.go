package credentials_test

import (
	"context"
	"fmt"
	"log"

	"golang.org/x/oauth2"

	credentials "trustedapps.dev/operator/docs/clients/go"
)

// Every library that takes an oauth2.TokenSource or an *http.Client follows the mounted directory.
func Example() {
	ctx := context.Background()
	client := oauth2.NewClient(ctx, credentials.TokenSource(ctx, "/credentials"))
	answer, err := client.Get("https://acme.my.erp.net/api/domain/odata/Crm_Customers?$top=1")
	if err != nil {
		log.Print(err)
		return
	}
	fmt.Println(answer.Status, answer.Body.Close())
}
